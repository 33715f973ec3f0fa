import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

const querySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  /** Only events with a smaller id, for the next page. */
  before: z.coerce.number().int().min(1).optional(),
  device: z.string().min(1).optional(),
  deployment: z.string().min(1).optional(),
  level: z.enum(['info', 'warning', 'error']).optional(),
});

/** `GET /api/events`: the events, newest first. */
export function eventRoutes(app: FastifyInstance, { events }: Pick<ApiParts, 'events'>): void {
  app.get('/api/events', { config: { fields: ['query'] } }, async ({ query }) => {
    const { limit, before, device, deployment, level } = parse(querySchema, query, 'query');
    return events.query({
      limit,
      ...(before === undefined ? {} : { before }),
      ...(device === undefined ? {} : { device }),
      ...(deployment === undefined ? {} : { deployment }),
      ...(level === undefined ? {} : { level }),
    });
  });
}
