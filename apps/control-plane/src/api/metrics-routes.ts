import type { FastifyInstance } from 'fastify';
import { Exposition } from '../metrics/exposition.ts';
import type { ApiParts } from './api-parts.ts';

/** `GET /api/metrics`: the state of the fleet and of the deployments in Prometheus' text format. */
export function metricsRoutes(app: FastifyInstance, parts: ApiParts): void {
  const exposition = new Exposition(parts);
  app.get('/api/metrics', async (_request, reply) =>
    reply.type(exposition.contentType).send(await exposition.text()),
  );
}
