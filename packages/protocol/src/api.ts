/**
 * The admin API (`/api`, port 3000) and the dashboard's live channel (`/ui`): request schemas and the views that
 * answers and pushes consist of. Browser-safe.
 */
import { z } from 'zod';
import type { RuleComparisonView } from './arrivals.ts';
import { LIMITS } from './limits.ts';
import type { TensorSpec } from './tensor.ts';
import { type DeviceProfile, faultSchema } from './wire.ts';

/** Names of models and deployments: they stand in URLs and file names. */
export const nameSchema = z
  .string()
  .max(LIMITS.nameLength)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'a name starts with a letter or digit and has letters, digits, dots, dashes and underscores',
  );

/** A threshold in milliseconds, or how it is come by. */
const waitMsSchema = z.union([
  z.number().min(0).max(60_000),
  z.literal('any-k'),
  z.literal('adaptive'),
  z.literal('all'),
]);

export const policySchema = z.object({
  waitMs: waitMsSchema.default('any-k'),
  verify: z.enum(['before', 'after', 'off']).default('after'),
  deadlineMs: z.number().min(10).max(600_000).default(LIMITS.requestDeadlineMs),
});
export const policyPatchSchema = z.object({
  policy: z
    .object({
      waitMs: waitMsSchema.optional(),
      verify: z.enum(['before', 'after', 'off']).optional(),
      deadlineMs: z.number().min(10).max(600_000).optional(),
    })
    .refine((patch) => Object.keys(patch).length > 0, 'name at least one of waitMs, verify, deadlineMs'),
});

/** Sizes for symbolic dimensions, by the name that the model gives them: `{ "batch": 1 }`. */
export const dimensionsSchema = z.record(z.string(), z.number().int().positive());

export const planRequestSchema = z.object({
  model: nameSchema,
  devices: z.array(z.string()).optional(),
  k: z.number().int().min(1).max(64).default(4),
  r: z.number().int().min(0).max(16).default(1),
  strategy: z.enum(['coded', 'paper', 'uncoded', 'replicated']).default('coded'),
  layers: z.union([z.enum(['auto', 'all']), z.array(z.string()).min(1)]).default('auto'),
  policy: policySchema.prefault({}),
});
export type PlanRequest = z.infer<typeof planRequestSchema>;

export const deploymentRequestSchema = planRequestSchema.extend({ name: nameSchema });
export type DeploymentRequest = z.infer<typeof deploymentRequestSchema>;

/** When a load ends by itself, whichever comes first, and what it asks about. */
const loadShape = {
  requests: z.number().int().min(1).max(10_000_000).optional(),
  seconds: z.number().positive().max(86_400).optional(),
  /**
   * Inputs to cycle through in the place of samples, for a model with one float32 or uint8 input: each its elements in
   * the input's own order as bytes in base64; a float32 element is its byte ÷ 255.
   */
  pictures: z
    .array(z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/, 'expected bytes in base64'))
    .min(1)
    .max(16)
    .optional(),
};
export const loadRequestSchema = z.discriminatedUnion('mode', [
  z.object({
    mode: z.literal('closed'),
    concurrency: z.number().int().min(1).max(64).default(8),
    ...loadShape,
  }),
  z.object({ mode: z.literal('open'), ratePerSecond: z.number().positive().max(10_000), ...loadShape }),
]);
export type LoadRequest = z.infer<typeof loadRequestSchema>;

/** What an operator may inflict. kill, pause and resume are real signals; the others are emulated in the agent. */
export const faultRequestSchema = z.union([
  z.object({ kind: z.enum(['kill', 'pause', 'resume']) }),
  faultSchema,
]);
export type FaultRequest = z.infer<typeof faultRequestSchema>;

export interface ApiError {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

export type DeviceRole = 'data' | 'parity' | 'replica' | 'spare';
/** `dead` its process ended; `lost` the connection is gone and nobody knows why; `silent` connected but not answering. */
export type DeviceState = 'joining' | 'ready' | 'silent' | 'paused' | 'dead' | 'lost' | 'quarantined';

/** The way between data plane and device, measured on its tensor connection when it joined. */
export interface DeviceLink {
  /** From sending a small tensor to a small answer, without computing. */
  readonly hopMs: number | null;
  readonly bytesPerSecond: number | null;
}

export interface DeviceView {
  readonly id: string;
  readonly name: string;
  readonly state: DeviceState;
  /** `["spare"]` where it has no seat anywhere. */
  readonly roles: readonly DeviceRole[];
  readonly seats: readonly {
    deployment: string;
    seat: number;
    role: DeviceRole;
    state: 'installing' | 'ready' | 'down';
  }[];
  readonly platform: string;
  readonly engine: 'native' | 'wasm';
  readonly processId: number | null;
  /** A supervisor can kill and revive it. */
  readonly supervised: boolean;
  readonly memory: { readonly rssBytes: number; readonly totalBytes: number; readonly storeBytes: number };
  readonly roundTripMs: number | null;
  /** What planning goes by; null where it was not measured (yet). */
  readonly profile?: (DeviceProfile & DeviceLink) | null;
  readonly inFlight: number;
  /** Smoothed time from scatter to answer. */
  readonly arrivalMs: number | null;
  readonly answers: number;
  readonly late: number;
  readonly invalid: number;
  readonly temperatureCelsius: number | null;
  /** Emulated faults that are set now, in words: "delay 50 ms". */
  readonly faults: readonly string[];
  readonly reason: string | null;
  readonly joinedAt: string;
  readonly lastSeenAt: string;
}

export type LinearLayerView = {
  readonly name: string;
  readonly op: string;
  readonly outputDims: readonly number[];
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly codable: boolean;
  readonly reason: string | null;
};

export interface ModelView {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LinearLayerView[];
  readonly parameters: number;
  readonly createdAt: string;
}

/** A network that ships, in `GET /api/zoo`; `POST /api/zoo/{name}` makes it a model. */
export interface ZooModelView {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Whether its answers mean anything; the others have seeded weights. */
  readonly trained: boolean;
  readonly parameters: number;
}

/** `failed`: it could not be set up, see `reason`; the others as the coordinator says. */
export type DeploymentViewState =
  | 'preparing'
  | 'distributing'
  | 'ready'
  | 'degraded'
  | 'rescuing'
  | 'unavailable'
  | 'failed';

export interface SeatView {
  readonly seat: number;
  readonly role: DeviceRole;
  readonly device: string | null;
  readonly deviceName: string | null;
  readonly state: 'empty' | 'installing' | 'ready' | 'down';
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** What a learned waiting threshold is expected to do to one coded step; times in ms after the scatter. */
export interface WaitPredictionView {
  readonly step: string;
  readonly waitMs: number;
  readonly meanMs: number;
  /** The same for decoding at once, and for waiting for all data; null where that is not known. */
  readonly anyKMeanMs: number;
  readonly allDataMeanMs: number | null;
  /** Share of requests in which a shard has to be decoded: with this threshold, and with none. */
  readonly recoveredShare: number;
  readonly anyKRecoveredShare: number;
  readonly requests: number;
}

export interface DeploymentView {
  readonly name: string;
  readonly model: string;
  readonly state: DeploymentViewState;
  readonly reason: string | null;
  readonly strategy: string;
  readonly k: number;
  readonly r: number;
  readonly layers: 'auto' | 'all' | readonly string[];
  readonly policy: z.infer<typeof policySchema>;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The planner's Plan, only in `GET /api/deployments/{name}`. */
  readonly plan?: unknown;
  readonly coverage: number;
  /** Under `waitMs: "adaptive"`, one for each coded step that has been run. */
  readonly waiting?: readonly WaitPredictionView[];
  readonly progress: {
    /** 0 to 1 over encoding and distributing. */
    readonly fraction: number;
    readonly phase: 'encoding' | 'distributing' | 'done';
    readonly seats: readonly SeatView[];
  };
  readonly load: LoadView | null;
  readonly createdAt: string;
}

export interface RequestCounts {
  readonly requests: number;
  readonly answered: number;
  /** Requests in which at least one shard was decoded from parity; and the number of such shards. */
  readonly recovered: number;
  readonly recoveredShards: number;
  readonly rescued: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Accepted, and neither answered nor failed nor cancelled nor in flight: always 0 unless there is a bug. */
  readonly lost: number;
  readonly inFlight: number;
  readonly late: number;
  readonly corrupt: number;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
  readonly sd: number;
}

/** `from` inclusive, `to` exclusive, in milliseconds; the last bin may have `to: null`. */
export interface HistogramBin {
  readonly from: number;
  readonly to: number | null;
  readonly count: number;
}

export interface LatencyWindow {
  readonly since: string;
  readonly percentiles: Percentiles;
  readonly histogram: readonly HistogramBin[];
}

export interface LatencyView {
  readonly deployment: string;
  readonly unit: 'ms';
  readonly counts: RequestCounts;
  readonly percentiles: Percentiles;
  readonly histogram: readonly HistogramBin[];
  /** The last fault that hit the deployment, and latency from the fault before it (or the start) to it, and since. */
  readonly lastFault: { readonly at: string; readonly description: string } | null;
  readonly beforeFault: LatencyWindow | null;
  readonly afterFault: LatencyWindow | null;
  /** Coded against uncoded, by the same arrivals. */
  readonly comparison: RuleComparisonView;
  /** Requests answered in each of the last seconds, oldest first. */
  readonly throughput: readonly number[];
}

/** As the client side of the load generator saw it: a request without an answer or an error is lost. */
export interface LoadView {
  readonly running: boolean;
  readonly mode: 'closed' | 'open';
  readonly concurrency: number | null;
  readonly ratePerSecond: number | null;
  /** When it ends by itself; null where it does not. */
  readonly seconds?: number | null;
  readonly requests?: number | null;
  /** How many pictures it cycles through; 0 where it sends samples. */
  readonly pictures?: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly lost: number;
  readonly inFlight: number;
  readonly startedAt: string;
  readonly percentiles: Percentiles;
}

export type EventLevel = 'info' | 'warning' | 'error';

export interface EventView {
  readonly id: number;
  readonly at: string;
  readonly level: EventLevel;
  readonly kind: string;
  readonly message: string;
  readonly device: string | null;
  readonly deployment: string | null;
}

/** `/ui`, server → dashboard. `snapshot` on connection, then what changed; full lists, replaced as a whole. */
export interface UiServerEvents {
  snapshot(snapshot: {
    devices: readonly DeviceView[];
    deployments: readonly DeploymentView[];
    models: readonly ModelView[];
    latency: readonly LatencyView[];
    events: readonly EventView[];
    startedAt: string;
    inferenceUrl: string;
  }): void;
  devices(devices: readonly DeviceView[]): void;
  deployments(deployments: readonly DeploymentView[]): void;
  models(models: readonly ModelView[]): void;
  latency(latency: readonly LatencyView[]): void;
  event(event: EventView): void;
}
