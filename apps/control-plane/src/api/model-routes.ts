import type { Readable } from 'node:stream';
import { dimensionsSchema, LIMITS, nameSchema } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RequestFailure } from '../data-plane/request-failure.ts';
import { empty, receiveUpload, tooLarge } from '../models/receive-upload.ts';
import type { ApiParts } from './api.ts';
import { parse } from './validation.ts';

type ByName = { Params: { name: string } };
const uploadQuerySchema = z.object({ name: nameSchema, dims: z.string().max(2_000).optional() });

/** A scope of its own: here, a body of any type is a stream. */
export function modelRoutes(app: FastifyInstance, { models, scratch }: ApiParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  app.get('/api/models', async () => models.views());

  app.get<ByName>('/api/models/:name', async ({ params }) => models.view(params.name));

  app.post('/api/models', async (request, reply) => {
    try {
      const { name, dims } = parse(uploadQuerySchema, request.query, 'query');
      const dimensions = parseDimensions(dims);
      const length = request.headers['content-length'];
      const bytes = length === undefined ? null : Number(length);
      if (bytes !== null && bytes > LIMITS.modelBytes) throw tooLarge(LIMITS.modelBytes);
      await models.refuseTaken(name, bytes);
      if (request.body === undefined) throw empty();
      const file = await receiveUpload(request.body as Readable, scratch, LIMITS.modelBytes);
      const { model, created } = await models.add(name, file, dimensions);
      return reply.code(created ? 201 : 200).send(model);
    } catch (error) {
      // What was refused before it had come is not read to its end: that may be gigabytes.
      if (!request.raw.complete) void reply.header('connection', 'close');
      throw error;
    }
  });

  app.delete<ByName>('/api/models/:name', async ({ params }, reply) => {
    await models.delete(params.name);
    return reply.code(204).send();
  });
}

/** `batch:1,seq:16` */
function parseDimensions(text: string | undefined): Record<string, number> {
  if (text === undefined || text === '') return {};
  const dimensions: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [, name, size] = /^\s*(.+):(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined) {
      throw new RequestFailure(
        400,
        'invalid-request',
        `The field "dims" has "${part}", which is not of the form NAME:SIZE.`,
        'For example ?dims=batch:1,seq:16.',
      );
    }
    dimensions[name] = Number(size);
  }
  const checked = dimensionsSchema.safeParse(dimensions);
  if (checked.success) return checked.data;
  throw new RequestFailure(
    400,
    'invalid-request',
    'The sizes in "dims" must be whole numbers of at least 1.',
  );
}
