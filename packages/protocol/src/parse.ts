/**
 * Parsers of the JSON messages of all namespaces except `/tensors`, whose frames decodeFrame validates. A message is
 * parsed once, where it arrives; after that the code trusts its type.
 */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import {
  blobRefSchema,
  deviceAuthSchema,
  deviceIdentitySchema,
  deviceStatisticsSchema,
  type FromDevice,
  faultSchema,
  handshakeRefusalSchema,
  helloSchema,
  outcomeSchema,
  sha256Schema,
  supervisedDeviceSchema,
  supervisorAuthSchema,
  type ToDevice,
  taskSchema,
  tensorKeySchema,
} from './wire.ts';

/** A message does not have the type of its event. */
export class InvalidMessageError extends Error {
  override readonly name = 'InvalidMessageError';
  /** The event or handshake. */
  readonly what: string;
  /** Dotted path of the first invalid field; empty for the whole message. */
  readonly path: string;

  constructor(what: string, path: string, reason: string) {
    super(`invalid ${what}: ${path === '' ? '' : `${path}: `}${reason}`);
    this.what = what;
    this.path = path;
  }
}

function parserOf<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
): (value: unknown) => z.output<Schema> {
  return (value) => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    throw new InvalidMessageError(what, issue?.path.join('.') ?? '', issue?.message ?? 'unknown format');
  };
}

const blobChunkSchema = blobRefSchema.extend({
  offset: z.number().int().nonnegative(),
  data: z.instanceof(Uint8Array),
});
const byId = z.object({ id: deviceIdentitySchema.shape.id });

/** Handshakes. */
export const parseDeviceAuth = parserOf('device handshake', deviceAuthSchema);
export const parseSupervisorAuth = parserOf('supervisor handshake', supervisorAuthSchema);
export const parseHandshakeRefusal = parserOf('handshake refusal', handshakeRefusalSchema);

/** `/control`, device → data plane. */
export const parseHello = parserOf('hello', helloSchema);
export const parseStatistics = parserOf('statistics', deviceStatisticsSchema);

/** `/control`, data plane → device. */
export const parseBlobChunk = parserOf('blob', blobChunkSchema);
export const parseTask = parserOf('load', taskSchema);
export const parseUnload = parserOf('unload', z.object({ task: taskSchema.shape.task }));
export const parseRetain = parserOf('retain', z.object({ blobs: z.array(sha256Schema).max(10_000) }));
export const parseFault = parserOf('fault', faultSchema);

/** The acknowledgment of `tensor-key`. */
export const parseTensorKey = parserOf('tensor key', tensorKeySchema);

/** Every other acknowledgment. */
export const parseOutcome = parserOf('outcome', outcomeSchema);

/** `/supervisor`, both directions. */
export const parseSupervisedDevices = parserOf(
  'devices',
  z.array(supervisedDeviceSchema).max(LIMITS.devices),
);
export const parseEnded = parserOf(
  'ended',
  byId.extend({ exitCode: z.number().int().nullable(), signal: z.string().max(20).nullable() }),
);
export const parseDeviceCommand = parserOf('device command', byId);
export const parseDeviceFault = parserOf('device fault', byId.extend({ fault: faultSchema }));

/** `/tensors`: the frame is valid, but each direction has its own kinds. */
export function parseFromDevice(message: ToDevice | FromDevice): FromDevice {
  if (message.kind === 'answer' || message.kind === 'refusal') return message;
  throw new InvalidMessageError('tensor message', 'kind', `a device does not send '${message.kind}'`);
}
export function parseToDevice(message: ToDevice | FromDevice): ToDevice {
  if (message.kind === 'compute' || message.kind === 'cancel') return message;
  throw new InvalidMessageError('tensor message', 'kind', `a data plane does not send '${message.kind}'`);
}
