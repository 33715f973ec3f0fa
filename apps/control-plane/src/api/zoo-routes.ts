import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { nameSchema, type ZooModelView } from '@sparewheel/protocol';
import { zooModels } from '@sparewheel/zoo';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

const addQuerySchema = z.object({ name: nameSchema.optional() });

/** Routes that list the built-in networks and add them as models. */
export function zooRoutes(app: FastifyInstance, { models, scratch }: ApiParts): void {
  app.get(
    '/api/zoo',
    async (): Promise<ZooModelView[]> =>
      zooModels.map(({ name, title, description, trained, parameters }) => ({
        name,
        title,
        description,
        trained,
        parameters,
      })),
  );

  app.post<{ Params: { name: string } }>('/api/zoo/:name', async ({ params, query }, reply) => {
    const { name = params.name } = parse(addQuerySchema, query, 'query');
    const path = join(scratch, `zoo-${randomUUID()}`);
    const { model, created } = await models.addFromZoo(params.name, name, path);
    return reply.code(created ? 201 : 200).send(model);
  });
}
