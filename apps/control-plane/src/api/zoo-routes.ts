import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ApiError, nameSchema, type ZooModelView } from '@sparewheel/protocol';
import { zooModel, zooModels } from '@sparewheel/zoo';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

const addQuerySchema = z.strictObject({ name: nameSchema.optional() });

/** Routes that list the networks of the zoo, name their classes, and add them as models. */
export function zooRoutes(app: FastifyInstance, { models, scratch }: ApiParts): void {
  app.get(
    '/api/zoo',
    async (): Promise<ZooModelView[]> =>
      zooModels.map(({ name, title, description, trained, parameters, origin }) => ({
        name,
        title,
        description,
        trained,
        parameters,
        origin,
      })),
  );

  app.get<{ Params: { name: string } }>('/api/zoo/:name/labels', async ({ params }) => {
    const labels = zooModel(params.name)?.labels;
    if (labels === undefined) {
      throw new ApiError(
        404,
        'no-labels',
        `The zoo has no class names for "${params.name}".`,
        `It has them for ${zooModels.flatMap((model) => (model.labels ? [model.name] : [])).join(', ')}.`,
      );
    }
    return labels();
  });

  app.post<{ Params: { name: string } }>(
    '/api/zoo/:name',
    { config: { fields: ['query'] } },
    async ({ params, query }, reply) => {
      const { name = params.name } = parse(addQuerySchema, query, 'query');
      const path = join(scratch, `zoo-${randomUUID()}`);
      const { model, created } = await models.addFromZoo(params.name, name, path);
      return reply.code(created ? 201 : 200).send(model);
    },
  );
}
