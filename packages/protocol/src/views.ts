/** What answers of the admin API and pushes of the dashboard's live channel (`/ui`) consist of. Browser-safe. */
import type { PolicyView } from './api.ts';
import type { RuleComparisonView } from './arrivals.ts';
import type { HistogramBin, Percentiles } from './distribution.ts';
import type { TensorSpec } from './tensor.ts';
import type { DeviceProfile } from './wire.ts';

export type DeviceRole = 'data' | 'parity' | 'replica' | 'standby';
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

/** Predicted time and transfer of one request on an idle, healthy fleet; 1 MB is 10⁶ bytes. */
export interface PredictionView {
  readonly ms: number;
  readonly megabytes: number;
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
  readonly policy: PolicyView;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The planner's Plan, only in `GET /api/deployments/{name}`. */
  readonly plan?: unknown;
  /** Null if nothing is distributed. */
  readonly coverage: number | null;
  readonly objective: 'latency' | 'devices-only';
  /** Why nothing is divided, as a sentence; null if a layer is divided. */
  readonly runsWhole: string | null;
  /**
   * The plan, beside the whole model on the fastest device and on the data plane; null for an alternative that
   * lacks memory, and for a plan of an older version.
   */
  readonly predictions: {
    readonly plan: PredictionView;
    readonly device: PredictionView | null;
    readonly dataPlane: PredictionView | null;
  } | null;
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
  readonly canceled: number;
  /** Accepted, and neither answered nor failed nor canceled nor in flight: always 0 unless there is a bug. */
  readonly lost: number;
  readonly inFlight: number;
  readonly late: number;
  readonly corrupt: number;
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

/** Everything that the dashboard shows, at one time. */
export interface UiSnapshot {
  /** When the server took the snapshot. */
  readonly at: string;
  readonly devices: readonly DeviceView[];
  readonly deployments: readonly DeploymentView[];
  readonly models: readonly ModelView[];
  readonly latency: readonly LatencyView[];
  readonly events: readonly EventView[];
  readonly startedAt: string;
  readonly inferenceUrl: string;
}

/** `/ui`, server → dashboard: `snapshot` on connection, then each list that changed, complete. */
export interface UiServerEvents {
  snapshot(snapshot: UiSnapshot): void;
  devices(devices: readonly DeviceView[]): void;
  deployments(deployments: readonly DeploymentView[]): void;
  models(models: readonly ModelView[]): void;
  latency(latency: readonly LatencyView[]): void;
  event(event: EventView): void;
}
