import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** `GET /api/join`: the join token. The dashboard requests it when the operator shows it. */
export function joinRoutes(app: FastifyInstance, { joinToken }: Pick<ApiParts, 'joinToken'>): void {
  app.get('/api/join', async () => ({ token: joinToken }));
}
