import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** `GET /api/health`: public, with process details for the operator. */
export function healthRoutes(app: FastifyInstance, { authentication, dataPlane, startedAt }: ApiParts): void {
  app.get('/api/health', async (request) => {
    const health = {
      status: dataPlane.listening ? 'ok' : 'starting',
      dataPlane: { listening: dataPlane.listening },
    };
    try {
      authentication.requireOperator(request.headers, false);
    } catch {
      return health;
    }
    return {
      ...health,
      dataPlane: { listening: dataPlane.listening, port: dataPlane.port, grpcPort: dataPlane.grpcPort },
      processId: process.pid,
      startedAt,
    };
  });
}
