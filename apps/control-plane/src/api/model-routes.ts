import type { Readable } from 'node:stream';
import { ApiError, dimensionsSchema, LIMITS, nameSchema } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { empty, receiveUpload, tooLarge } from '../models/receive-upload.ts';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

type ByName = { Params: { name: string } };
const sizesText = z.string().max(2_000).optional();
const uploadQuerySchema = z.strictObject({
  name: nameSchema,
  dims: sizesText,
  maxDims: sizesText,
  shapes: sizesText,
});
const shapesSchema = z.record(z.string(), z.array(z.number().int().positive()).max(16));

export function modelRoutes(app: FastifyInstance, { models }: Pick<ApiParts, 'models'>): void {
  app.get('/api/models', async () => models.views());

  app.get<ByName>('/api/models/:name', async ({ params }) => models.view(params.name));

  app.delete<ByName>('/api/models/:name', async ({ params }, reply) => {
    await models.delete(params.name);
    return reply.code(204).send();
  });
}

/** The upload, in a scope of its own, where a body of any type is a stream. */
export function modelUpload(app: FastifyInstance, { models, scratch }: ApiParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  app.post('/api/models', { config: { fields: ['query', 'body'] } }, async (request, reply) => {
    try {
      const { name, dims, maxDims, shapes } = parse(uploadQuerySchema, request.query, 'query');
      const sizes = {
        dimensions: parseDimensions('dims', dims),
        maxDimensions: parseDimensions('maxDims', maxDims),
        shapes: parseShapes(shapes),
      };
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
}

/** Parses `batch:1,seq:16`: sizes of free dimensions by name. @throws {ApiError} 400 */
function parseDimensions(field: 'dims' | 'maxDims', text: string | undefined): Record<string, number> {
  const form = { field, form: 'NAME:SIZE', example: `?${field}=batch:1,seq:16` };
  return checked(dimensionsSchema, mapParts(text, /^\d+$/, Number, form), field);
}

/** Parses `image:1x3x224x224`: shapes by input, which fix free dimensions. @throws {ApiError} 400 */
function parseShapes(text: string | undefined): Record<string, number[]> {
  const form = { field: 'shapes', form: 'INPUT:SIZExSIZE…', example: '?shapes=image:1x3x224x224' };
  const read = (sizes: string) => sizes.split('x').map(Number);
  return checked(shapesSchema, mapParts(text, /^\d+(x\d+)*$/, read, form), 'shapes');
}

function mapParts<Value>(
  text: string | undefined,
  pattern: RegExp,
  read: (value: string) => Value,
  { field, form, example }: { field: string; form: string; example: string },
): Record<string, Value> {
  const values: Record<string, Value> = {};
  if (text === undefined || text === '') return values;
  for (const part of text.split(',')) {
    const [, name, value] = /^\s*(.+):(.+?)\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined || !pattern.test(value)) {
      throw new ApiError(
        400,
        'invalid-request',
        `The field "${field}" contains "${part}", which does not have the form ${form}.`,
        `For example ${example}.`,
      );
    }
    values[name] = read(value);
  }
  return values;
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, field: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ApiError(400, 'invalid-request', `The sizes in "${field}" must be whole numbers of at least 1.`);
}
