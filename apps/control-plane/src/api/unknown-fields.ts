/** Refuses the fields that a route does not have. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parse } from './validation.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The parts of a request that the route parses with a strict schema, or passes on. It has no fields in the others. */
    readonly fields?: readonly ('query' | 'body')[];
  }
}

const noFieldsSchema = z.strictObject({});

/**
 * Refuses each query, and each body, that its route does not declare in `config.fields`. The error names the first
 * field. An empty body and `{}` are accepted. Must precede the routes.
 */
export function refuseUnknownFields(app: FastifyInstance): void {
  app.addHook('preHandler', async ({ routeOptions, query, body, is404 }) => {
    if (is404) return;
    const fields = routeOptions.config.fields ?? [];
    if (!fields.includes('query')) parse(noFieldsSchema, query, 'query');
    if (!fields.includes('body')) parse(noFieldsSchema, body ?? {});
  });
}
