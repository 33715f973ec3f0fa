/**
 * The messages between the data plane and agents: one union per direction of each connection. Each message is parsed
 * where it arrives (`parse…`), and trusted afterwards.
 *
 * A device has two connections, so that a shard transfer does not delay an answer. `/control` carries the hello,
 * shards, tasks, faults and statistics, as JSON with binary chunks. The tensor connection carries one binary frame per
 * message, see frame.ts. A supervisor has one connection, `/supervisor`.
 */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import type { Tensor } from './tensor.ts';

export const PROTOCOL_VERSION = 1;

/** The Socket.IO namespaces of the data plane's port. */
export const NAMESPACES = { control: '/control', tensors: '/tensors', supervisor: '/supervisor' } as const;
/** The DNS-SD type by which agents find the data plane. */
export const DNS_SD_TYPE = 'sparewheel';
/** The event of `/tensors`, in both directions. Its messages are binary frames, see parser.ts. */
export const TENSOR_EVENT = 'tensors';
/** The event of `/control` for a chunk of a blob, also a binary frame. */
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

/** A device creates its identity once and stores it. The secret proves the identity when the device returns. */
export const deviceIdentitySchema = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{7,63}$/),
  secret: z.string().min(32).max(128),
});
export type DeviceIdentity = z.infer<typeof deviceIdentitySchema>;

/** The handshake `auth` of `/control` and `/tensors`. */
export const deviceAuthSchema = z.object({
  protocol: z.literal(PROTOCOL_VERSION),
  token: z.string().max(512),
  device: deviceIdentitySchema,
  /** Identifies one run of the device process, and pairs its two connections. */
  incarnation: z.string().min(8).max(64),
});
export type DeviceAuth = z.infer<typeof deviceAuthSchema>;

/** The handshake `auth` of `/supervisor`. */
export const supervisorAuthSchema = z.object({
  protocol: z.literal(PROTOCOL_VERSION),
  token: z.string().max(512),
});
export type SupervisorAuth = z.infer<typeof supervisorAuthSchema>;

/**
 * The reason of a refused handshake. It is the `data` of the error that arrives as `connect_error`. After
 * `unavailable` the agent tries again; the other codes need an operator.
 */
export const handshakeRefusalSchema = z.object({
  code: z.enum(['unauthorized', 'wrong-identity', 'wrong-protocol', 'unavailable']),
  message: z.string().max(2_000),
});
export type HandshakeRefusal = z.infer<typeof handshakeRefusalSchema>;

/** The speed of a device, measured by its engine before it first joined. */
export const deviceProfileSchema = z.object({
  multiplyAddsPerSecond: z.number().positive().max(1e18),
  /** Bytes of weights that a matrix-vector product reads per second. */
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
  /** Absent if the device was not measured. */
  profile: deviceProfileSchema.optional(),
  /** The verified blobs in its store. They are not sent again. */
  held: z.array(blobRefSchema).max(10_000),
});
export type Hello = z.infer<typeof helloSchema>;

/** A task number that no device loads. The refusal of such a computation measures the link to the device. */
export const PROBE_TASK = 0xffff_ffff;

/** A coded shard or a replica that a device computes. All devices of a step use the same task number. */
export const taskSchema = z.object({
  /** Unique within one run of the data plane. */
  task: z.number().int().min(1).max(0xffff_ffff),
  graph: blobRefSchema,
  weights: blobRefSchema.nullable(),
  feeds: z.array(z.string()).min(1),
  fetches: z.array(z.string()).min(1),
});
export type Task = z.infer<typeof taskSchema>;

/**
 * A distribution of delays: points of its cumulative distribution function, which is linear between them. The first
 * point has the share 0, the last one the share 1.
 */
const delayQuantilesSchema = z
  .array(z.strictObject({ ms: z.number().min(0).max(60_000), share: z.number().min(0).max(1) }))
  .min(2)
  .max(64)
  .refine(
    (points) => points[0]?.share === 0 && points.at(-1)?.share === 1,
    'the first share must be 0 and the last one 1',
  )
  .refine(
    (points) =>
      points.every(
        ({ ms, share }, at) => at === 0 || (ms >= points[at - 1]!.ms && share > points[at - 1]!.share),
      ),
    'shares must increase, and times must not decrease',
  );
export type DelayQuantiles = z.infer<typeof delayQuantilesSchema>;

/** A fault that the device process emulates. Faults of different kinds combine; `heal` ends all of them. */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('partition') }),
  /**
   * Delays each answer by a constant time, or by a log-normal time with the median `ms` and this sigma. With
   * `quantiles`, a time drawn from them is added to the constant `ms`. `ms: 0` alone ends the delay.
   */
  z
    .strictObject({
      kind: z.literal('delay'),
      ms: z.number().min(0).max(60_000),
      sigma: z.number().min(0).max(3).default(0),
      quantiles: delayQuantilesSchema.optional(),
    })
    .refine(({ sigma, quantiles }) => sigma === 0 || quantiles === undefined, {
      path: ['quantiles'],
      message: 'a delay has either sigma or quantiles',
    }),
  /** Each computation takes `factor` times as long. `factor: 1` ends the slowdown. */
  z.strictObject({ kind: z.literal('slow'), factor: z.number().min(1).max(1000) }),
  z.strictObject({ kind: z.literal('drop'), probability: z.number().min(0).max(1) }),
  /** Adds `amount` to one value of each answer. */
  z.strictObject({
    kind: z.literal('corrupt'),
    amount: z
      .number()
      .refine((amount) => amount !== 0, 'it must not be 0, which changes nothing')
      .default(1),
    probability: z.number().min(0).max(1).default(1),
  }),
  z.strictObject({ kind: z.literal('heal') }),
]);
export type Fault = z.infer<typeof faultSchema>;

export const deviceStatisticsSchema = z.object({
  rssBytes: z.number().nonnegative(),
  storeBytes: z.number().nonnegative(),
  inFlight: z.number().int().nonnegative(),
  temperatureCelsius: z.number().nullable(),
  /**
   * Computations that the device received LIMITS.reportComputingMs ago or earlier and has not finished. Absent if there
   * are none.
   */
  computing: z
    .array(
      z.object({
        request: z.number().int().min(0).max(0xffff_ffff),
        task: z.number().int().min(0).max(0xffff_ffff),
      }),
    )
    .max(LIMITS.inFlightPerDevice + LIMITS.mirroredPerDevice)
    .optional(),
});
export type DeviceStatistics = z.infer<typeof deviceStatisticsSchema>;

/** Success, or the reason of the failure: the acknowledgement of every control message that can fail. */
export const outcomeSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.string().max(60), message: z.string().max(2_000) }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/** The key of one tensor socket. It is valid once, for LIMITS.tensorKeyMs. */
export const tensorKeySchema = z.object({ key: z.string().min(16).max(100) });
export type TensorKey = z.infer<typeof tensorKeySchema>;

/** `/control`, device → data plane. */
export interface DeviceToControl {
  'tensor-key'(acknowledge: (key: TensorKey) => void): void;
  hello(hello: Hello, acknowledge: (outcome: Outcome) => void): void;
  statistics(statistics: DeviceStatistics): void;
}

/** `/control`, data plane → device. Each is acknowledged with an Outcome. */
export interface ControlToDevice {
  /** The chunks of a blob arrive in order. The last one completes the blob, which is then verified. */
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

/** Tensor connection, data plane → device. */
export interface ComputeRequest {
  readonly kind: 'compute';
  /** Unique within one run of the data plane. */
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

/** Tensor connection, device → data plane. */
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

/** The events of `/tensors`, for typed sockets. They have no acknowledgements: an answer is a message. */
export interface TensorsToDevice {
  [TENSOR_EVENT](message: ToDevice): void;
}
export interface DeviceToTensors {
  [TENSOR_EVENT](message: FromDevice): void;
}

/** `/supervisor`: a supervisor runs the device processes of one machine. */
export const supervisedDeviceSchema = z.object({
  id: deviceIdentitySchema.shape.id,
  name: z.string().min(1).max(100),
  running: z.boolean(),
  processId: z.number().int().nullable(),
});
export type SupervisedDevice = z.infer<typeof supervisedDeviceSchema>;

export interface SupervisorToControl {
  devices(devices: SupervisedDevice[]): void;
  /** Reports that a device process ended, for any reason. */
  ended(ended: { id: string; exitCode: number | null; signal: string | null }): void;
}
export interface ControlToSupervisor {
  /** Kills the process with SIGKILL. */
  kill(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  /** Pause and resume use SIGSTOP and SIGCONT. */
  pause(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  resume(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  revive(request: { id: string }, acknowledge: (outcome: Outcome) => void): void;
  /**
   * Passes a fault to the device process without the network. Only this can heal a partition, because a partitioned
   * device receives nothing on its own connections.
   */
  fault(request: { id: string; fault: Fault }, acknowledge: (outcome: Outcome) => void): void;
}
