/**
 * What travels between the data plane and an agent, one discriminated union per direction of each connection.
 * Version 1. Parsed with zod where bytes come in (`parse…`), trusted from there on.
 *
 * A device holds two connections, so that a shard transfer does not delay an answer: `/control` (hello, shards,
 * tasks, faults, statistics; JSON with binary chunks) and `/tensors` (one binary frame a message, see frame.ts).
 * A supervisor holds one, `/supervisor`.
 */
import { z } from 'zod';
import { ELEMENT_TYPES, type Tensor } from './tensor.ts';

export const PROTOCOL_VERSION = 1;

/** Socket.IO namespaces of the data plane's port. */
export const NAMESPACES = { control: '/control', tensors: '/tensors', supervisor: '/supervisor' } as const;
/** The one event of `/tensors`, in both directions, and the chunk event of `/control`: binary frames, see parser.ts. */
export const TENSOR_EVENT = 'tensors';
export const BLOB_EVENT = 'blob';

/**
 * The tensor socket: an HTTP upgrade on the data plane's port, then frames in both directions, each with a prefix (see
 * frame-stream.ts). The header of the request carries a key that the data plane issued on `/control`. A device that
 * cannot open it uses the namespace `/tensors` instead.
 */
export const TENSOR_SOCKET = {
  path: '/tensors',
  upgrade: 'sparewheel-tensors',
  keyHeader: 'sparewheel-key',
} as const;

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
export const blobRefSchema = z.object({ sha256: sha256Schema, bytes: z.number().int().nonnegative() });
export const tensorSpecSchema = z.object({
  name: z.string().min(1),
  type: z.enum(ELEMENT_TYPES),
  dims: z.array(z.number().int().gte(-1)),
});

/** An identity is made once and kept on disk; the secret proves it when the device returns. */
export const deviceIdentitySchema = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{7,63}$/),
  secret: z.string().min(32).max(128),
});
export type DeviceIdentity = z.infer<typeof deviceIdentitySchema>;

/** Socket.IO's handshake `auth`, on `/control` and `/tensors`. */
export const deviceAuthSchema = z.object({
  protocol: z.literal(PROTOCOL_VERSION),
  token: z.string().max(512),
  device: deviceIdentitySchema,
  /** Pairs the two connections of one life of the device process. */
  incarnation: z.string().min(8).max(64),
});
export type DeviceAuth = z.infer<typeof deviceAuthSchema>;

/** Socket.IO's handshake `auth` on `/supervisor`. */
export const supervisorAuthSchema = z.object({
  protocol: z.literal(PROTOCOL_VERSION),
  token: z.string().max(512),
});
export type SupervisorAuth = z.infer<typeof supervisorAuthSchema>;

/**
 * Why a handshake was refused: the `data` of the error that the data plane's namespace middleware passes on, and that
 * arrives as `connect_error`. `unavailable` may pass and is tried again; the others need a person.
 */
export const handshakeRefusalSchema = z.object({
  code: z.enum(['unauthorized', 'wrong-identity', 'wrong-protocol', 'unavailable']),
  message: z.string().max(2_000),
});
export type HandshakeRefusal = z.infer<typeof handshakeRefusalSchema>;

/** How fast a device is, measured in its engine when it first joined. */
export const deviceProfileSchema = z.object({
  multiplyAddsPerSecond: z.number().positive().max(1e18),
  /** Bytes of weights that a matrix-vector product goes through. */
  memoryBytesPerSecond: z.number().positive().max(1e18),
  /** Processor cores of its machine. */
  cores: z.number().int().min(1).max(100_000),
  /** The same for all devices that run on one machine. */
  machine: z.string().min(1).max(64),
  /** Threads of the device's engine, which the speed was measured with; 1 if absent. */
  threads: z.number().int().min(1).max(100_000).optional(),
  /** The most bytes of weights that the device may hold; unlimited if absent. */
  memoryLimitBytes: z
    .number()
    .int()
    .positive()
    .max(2 ** 50)
    .optional(),
});
export type DeviceProfile = z.infer<typeof deviceProfileSchema>;

export const helloSchema = z.object({
  name: z.string().min(1).max(100),
  agentVersion: z.string().max(40),
  platform: z.string().max(100),
  engine: z.enum(['native', 'wasm']),
  processId: z.number().int().nonnegative(),
  memoryBytes: z.number().nonnegative(),
  /** Left out by a device that was not measured. */
  profile: deviceProfileSchema.optional(),
  /** The verified blobs in its store: what need not be sent again. */
  held: z.array(blobRefSchema).max(10_000),
});
export type Hello = z.infer<typeof helloSchema>;

/** A task that is never loaded: the data plane measures the way to a device by being refused. */
export const PROBE_TASK = 0xffff_ffff;

/** One coded shard or replica that a device is to compute. All devices of a group know a step by the same number. */
export const taskSchema = z.object({
  /** Unique within one life of the data plane. */
  task: z.number().int().min(1).max(0xffff_ffff),
  graph: blobRefSchema,
  weights: blobRefSchema.nullable(),
  feeds: z.array(z.string()).min(1),
  fetches: z.array(z.string()).min(1),
});
export type Task = z.infer<typeof taskSchema>;

/** An emulated fault, running in the device process. Each is set by itself; `heal` ends all. */
export const faultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('partition') }),
  /** Adds a wait before each answer: constant, or log-normal with the given median and sigma. */
  z.object({
    kind: z.literal('delay'),
    ms: z.number().min(0).max(60_000),
    sigma: z.number().min(0).max(3).default(0),
  }),
  /** Computing takes `factor` times as long. */
  z.object({ kind: z.literal('slow'), factor: z.number().min(1).max(1000) }),
  z.object({ kind: z.literal('drop'), probability: z.number().min(0).max(1) }),
  /** Adds `amount` to one value of each answer. */
  z.object({
    kind: z.literal('corrupt'),
    amount: z.number().default(1),
    probability: z.number().min(0).max(1).default(1),
  }),
  z.object({ kind: z.literal('heal') }),
]);
export type Fault = z.infer<typeof faultSchema>;

export const deviceStatisticsSchema = z.object({
  rssBytes: z.number().nonnegative(),
  storeBytes: z.number().nonnegative(),
  inFlight: z.number().int().nonnegative(),
  temperatureCelsius: z.number().nullable(),
});
export type DeviceStatistics = z.infer<typeof deviceStatisticsSchema>;

/** `{ ok: true }` or why not: the acknowledgement of every control message that can fail. */
export const outcomeSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.string().max(60), message: z.string().max(2_000) }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/** The key of one tensor socket. It is valid once, for LIMITS.helloTimeoutMs. */
export const tensorKeySchema = z.object({ key: z.string().min(16).max(100) });
export type TensorKey = z.infer<typeof tensorKeySchema>;

/** `/control`, device → data plane. */
export interface DeviceToControl {
  'tensor-key'(acknowledge: (key: TensorKey) => void): void;
  hello(hello: Hello, acknowledge: (outcome: Outcome) => void): void;
  statistics(statistics: DeviceStatistics): void;
}

/** `/control`, data plane → device. Every one is acknowledged with an Outcome. */
export interface ControlToDevice {
  /** Chunks of one blob come in order, `offset` 0 first; the last one completes and verifies it. */
  blob(
    chunk: { sha256: string; bytes: number; offset: number; data: Uint8Array },
    acknowledge: (outcome: Outcome) => void,
  ): void;
  load(task: Task, acknowledge: (outcome: Outcome) => void): void;
  unload(request: { task: number }, acknowledge: (outcome: Outcome) => void): void;
  /** Blobs outside this list may be deleted. */
  retain(request: { blobs: string[] }, acknowledge: (outcome: Outcome) => void): void;
  fault(fault: Fault, acknowledge: (outcome: Outcome) => void): void;
}

/** `/tensors`, data plane → device. */
export interface ComputeRequest {
  readonly kind: 'compute';
  /** Unique within one life of the data plane. */
  readonly request: number;
  readonly task: number;
  /** In the order of the task's feeds. */
  readonly tensors: readonly Tensor[];
  /**
   * The device may compute it together with other such requests of the task and shape: axis 0 of the feed and of
   * every fetch counts independent rows.
   */
  readonly batch?: true;
}
export interface CancelRequest {
  readonly kind: 'cancel';
  readonly request: number;
  readonly task: number;
}
export type ToDevice = ComputeRequest | CancelRequest;

/** `/tensors`, device → data plane. */
export interface Answer {
  readonly kind: 'answer';
  readonly request: number;
  readonly task: number;
  /** Time in the engine, without queueing and network. */
  readonly computeMicros: number;
  /** In the order of the task's fetches. */
  readonly tensors: readonly Tensor[];
}
export interface Refusal {
  readonly kind: 'refusal';
  readonly request: number;
  readonly task: number;
  readonly code: string;
  readonly message: string;
}
export type FromDevice = Answer | Refusal;

/** The events of `/tensors`, for typed sockets. No acknowledgements: an answer is a message of its own. */
export interface TensorsToDevice {
  [TENSOR_EVENT](message: ToDevice): void;
}
export interface DeviceToTensors {
  [TENSOR_EVENT](message: FromDevice): void;
}

/** `/supervisor`: a supervisor looks after the device processes of one machine. */
export const supervisedDeviceSchema = z.object({
  id: deviceIdentitySchema.shape.id,
  name: z.string().min(1).max(100),
  running: z.boolean(),
  processId: z.number().int().nullable(),
});
export type SupervisedDevice = z.infer<typeof supervisedDeviceSchema>;

export interface SupervisorToControl {
  devices(devices: SupervisedDevice[]): void;
  /** A device process ended, by itself or because it was told to. */
  ended(ended: { id: string; exitCode: number | null; signal: string | null }): void;
}
export interface ControlToSupervisor {
  /** SIGKILL; the device says no goodbye. */
  kill(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  /** SIGSTOP and SIGCONT. */
  pause(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  resume(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  revive(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  /**
   * Passed on to the device process beside the network. The only way to heal a partition: a partitioned device hears
   * nothing on its own connections.
   */
  fault(request: { id: string; fault: Fault }, acknowledge: (outcome: Outcome) => void): void;
}
