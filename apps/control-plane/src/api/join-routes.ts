import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** What lets a device in, for an operator who wants to show it to one: the dashboard asks when it is told to. */
export function joinRoutes(app: FastifyInstance, { joinToken }: Pick<ApiParts, 'joinToken'>): void {
  app.get('/api/join', async () => ({ token: joinToken }));
}
