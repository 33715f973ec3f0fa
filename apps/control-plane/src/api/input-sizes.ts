/** Sizes of free dimensions in the query of an upload. */
import { ApiError, dimensionsSchema } from '@sparewheel/protocol';
import { z } from 'zod';

const shapesSchema = z.record(z.string(), z.array(z.number().int().positive()).max(16));

/** Parses `batch:1,seq:16`: sizes of symbolic dimensions by name. @throws {ApiError} 400 */
export function parseDimensions(text: string | undefined): Record<string, number> {
  const form = { field: 'dims', form: 'NAME:SIZE', example: '?dims=batch:1,seq:16' };
  return checked(dimensionsSchema, mapParts(text, /^\d+$/, Number, form), 'dims');
}

/** Parses `image:1x3x224x224`: shapes by input, for dimensions without a name. @throws {ApiError} 400 */
export function parseShapes(text: string | undefined): Record<string, number[]> {
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
