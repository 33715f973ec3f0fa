import type { Readable } from 'node:stream';
import { LIMITS, nameSchema } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { empty, receiveUpload, tooLarge } from '../models/receive-upload.ts';
import type { ApiParts } from './api-parts.ts';
import { parseDimensions, parseShapes } from './input-sizes.ts';
import { parse } from './validation.ts';

type ByName = { Params: { name: string } };
const sizesText = z.string().max(2_000).optional();
const uploadQuerySchema = z.object({ name: nameSchema, dims: sizesText, shapes: sizesText });

/** Routes in a scope of their own, where a body of any type is a stream. */
export function modelRoutes(app: FastifyInstance, { models, scratch }: ApiParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  app.get('/api/models', async () => models.views());

  app.get<ByName>('/api/models/:name', async ({ params }) => models.view(params.name));

  app.post('/api/models', async (request, reply) => {
    try {
      const { name, dims, shapes } = parse(uploadQuerySchema, request.query, 'query');
      const sizes = { dimensions: parseDimensions(dims), shapes: parseShapes(shapes) };
      const length = request.headers['content-length'];
      const bytes = length === undefined ? null : Number(length);
      if (bytes !== null && bytes > LIMITS.modelBytes) throw tooLarge(LIMITS.modelBytes);
      await models.refuseTaken(name, bytes);
      if (request.body === undefined) throw empty();
      const file = await receiveUpload(request.body as Readable, scratch, LIMITS.modelBytes);
      const { model, created } = await models.add(name, file, sizes);
      return reply.code(created ? 201 : 200).send(model);
    } catch (error) {
      // The rest of a rejected upload is not read: it may be gigabytes.
      if (!request.raw.complete) void reply.header('connection', 'close');
      throw error;
    }
  });

  app.delete<ByName>('/api/models/:name', async ({ params }, reply) => {
    await models.delete(params.name);
    return reply.code(204).send();
  });
}
