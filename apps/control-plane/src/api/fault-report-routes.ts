import { ApiError } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** What happened to the requests in flight at each fault. The data plane keeps the last reports. */
export function faultReportRoutes(app: FastifyInstance, { dataPlane }: Pick<ApiParts, 'dataPlane'>): void {
  app.get('/api/faults', async () => dataPlane.call({ kind: 'fault-reports' }));

  app.get<{ Params: { id: string } }>('/api/faults/:id', async ({ params: { id } }) => {
    const report = await dataPlane.call({ kind: 'fault-report', id: Number(id) });
    if (report !== null) return report;
    throw new ApiError(
      404,
      'unknown-fault',
      `There is no report of a fault "${id}".`,
      'GET /api/faults lists the reports. Only the last ones are kept.',
    );
  });
}
