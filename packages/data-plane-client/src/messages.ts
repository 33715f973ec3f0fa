/**
 * The messages between the control plane's main thread and the data plane's worker thread. Plain data, which is cloned.
 * Each call has a reply with the same `call` number; notices have none.
 */
import type { CoordinatorEvent, DeploymentState, Policy, RequestTrace, Tally } from '@sparewheel/coordinator';
import type { Artifact, Artifacts, Plan } from '@sparewheel/planner';
import type {
  AnswerUpdate,
  ArrivalsView,
  DeviceView,
  ErrorReport,
  Fault,
  FaultReportView,
  FaultRequest,
  InjectedFault,
  LatencyView,
  LoadRequest,
  LoadView,
  MirrorCounts,
  NetworkPreset,
  OutageView,
  SeatView,
  WaitPredictionView,
} from '@sparewheel/protocol';

export interface DataPlaneOptions {
  readonly host: string;
  readonly port: number;
  /** The port of inference over gRPC; 0 lets the system choose. Default null: no gRPC. */
  readonly grpcPort?: number | null;
  readonly joinToken: string;
  readonly inferToken: string;
  /** The operator may also infer: the dashboard uses this token. */
  readonly operatorToken: string;
  /** Directory of the content-addressed blobs (`<sha256>` each). */
  readonly blobs: string;
  /** Devices that joined before. A device must show the secret of its first visit. */
  readonly devices: readonly KnownDevice[];
  /** Threads of each engine of the data plane. Default 1. */
  readonly threads?: number;
}

export interface KnownDevice {
  readonly id: string;
  readonly name: string;
  readonly secretHash: string;
  readonly platform: string;
}

export interface LiveDeployment {
  readonly name: string;
  readonly plan: Plan;
  readonly artifacts: Artifacts;
  readonly policy: Policy;
  /** Device ids by seat; null lets the coordinator choose. */
  readonly seats: readonly (string | null)[];
  /** The deployment whose accepted requests this one receives as copies. */
  readonly mirrorOf?: string | null;
}

/** The transfer of artifacts to a device before its deployment is prepared. */
export interface PreloadProgress {
  readonly deployment: string;
  readonly device: string;
  readonly sentBytes: number;
  /** Grows while artifacts are encoded. */
  readonly totalBytes: number;
}

export interface DeploymentRuntime {
  readonly name: string;
  readonly state: DeploymentState;
  readonly reason: string | null;
  readonly policy: Policy;
  readonly seats: readonly SeatView[];
  readonly load: LoadView | null;
  readonly outage?: OutageView | null;
  /** Only of a mirror. */
  readonly mirror?: MirrorCounts | null;
  /** With `waitMs: "adaptive"`. */
  readonly waiting?: readonly WaitPredictionView[];
}

export type DataPlaneCall =
  | { kind: 'deploy'; deployment: LiveDeployment }
  /**
   * Names the stored deployments that the control plane has not sent yet; the list replaces the one before. The data plane
   * is not ready until the first call, and while the list is not empty.
   */
  | { kind: 'expect-deployments'; names: readonly string[] }
  /** Sends an artifact to a device before its deployment is prepared. Answered at once. */
  | { kind: 'preload'; name: string; device: string; artifact: Artifact }
  /** Abandons the transfers of `preload`. */
  | { kind: 'cancel-preload'; name: string }
  | { kind: 'undeploy'; name: string }
  | { kind: 'set-policy'; name: string; policy: Policy }
  | { kind: 'fault'; device: string; fault: FaultRequest }
  /** Replaces the faults of the network preset of a device; null ends them. Faults that an operator injected stay. */
  | { kind: 'set-network'; device: string; network: DeviceNetwork | null }
  /** Restarts the device process, and releases the device from quarantine. */
  | { kind: 'revive'; device: string }
  /** Ends a quarantine. */
  | { kind: 'release'; device: string }
  /** Answers `blob-damaged`: the file is intact again, or `problem` says why it is not. */
  | { kind: 'blob-repaired'; sha256: string; problem: string | null }
  /** Removes a device that is not connected. If it joins again, it is new. */
  | { kind: 'forget'; device: string }
  | { kind: 'start-load'; name: string; load: LoadRequest }
  | { kind: 'stop-load'; name: string }
  | { kind: 'latency'; name: string }
  /** Returns the arrival times of each device's answers. */
  | { kind: 'arrivals'; name: string }
  | { kind: 'reset-latency'; name: string }
  /** Returns what happened to the requests in flight at the last faults, newest first. */
  | { kind: 'fault-reports' }
  /** Returns one of these reports with traces; null if it does not exist, or is no longer kept. */
  | { kind: 'fault-report'; id: number }
  /** Returns the traces of the last requests, at most `limit`. */
  | { kind: 'traces'; name: string; limit: number }
  /** Returns the counts that the views do not contain, for `GET /api/metrics`. */
  | { kind: 'metrics' }
  /** Refuses new requests, finishes the accepted ones, then closes. */
  | { kind: 'stop' };

export interface DataPlaneReplies {
  deploy: null;
  'expect-deployments': null;
  preload: null;
  'cancel-preload': null;
  undeploy: null;
  'set-policy': null;
  fault: null;
  'set-network': null;
  revive: null;
  release: null;
  'blob-repaired': null;
  forget: null;
  'start-load': LoadView;
  'stop-load': LoadView | null;
  latency: LatencyView;
  arrivals: ArrivalsView;
  'reset-latency': null;
  'fault-reports': readonly FaultReportView[];
  'fault-report': FaultReportDetail | null;
  /** Newest first. */
  traces: readonly RequestTrace[];
  metrics: DataPlaneMetrics;
  stop: null;
}

/** A report with the trace of the slowest request in flight, by deployment; null if it was not recorded. */
export interface FaultReportDetail extends FaultReportView {
  readonly traces: Readonly<Record<string, RequestTrace | null>>;
}

/** Counts since the start of the data plane. */
export interface DataPlaneMetrics {
  readonly durations: readonly RequestDurations[];
  readonly devices: readonly {
    readonly deployment: string;
    readonly id: string;
    readonly name: string;
    readonly counts: Readonly<Tally>;
  }[];
  readonly quarantines: readonly {
    readonly id: string;
    readonly name: string;
    readonly quarantines: number;
  }[];
}

/** The latencies of the answered requests of one deployment, as a histogram of Prometheus. */
export interface RequestDurations {
  readonly deployment: string;
  /** `count` answers took at most `leSeconds`. Ascending. */
  readonly buckets: readonly { readonly leSeconds: number; readonly count: number }[];
  readonly count: number;
  readonly sumSeconds: number;
}

export interface CallMessage {
  readonly call: number;
  readonly body: DataPlaneCall;
}

export type DataPlaneMessage =
  | { kind: 'reply'; call: number; ok: true; value: DataPlaneReplies[keyof DataPlaneReplies] }
  | { kind: 'reply'; call: number; ok: false; failure: ErrorReport }
  /** The servers listen. */
  | { kind: 'listening'; port: number; grpcPort: number | null }
  /** The data plane cannot start, for example because the port is taken. */
  | { kind: 'failed'; code: string; message: string }
  /** A blob file is missing, or its content does not match its name. Answered by the call `blob-repaired`. */
  | { kind: 'blob-damaged'; sha256: string }
  /** A device joined for the first time or under a new name. It must be stored. */
  | { kind: 'device-known'; device: KnownDevice }
  /**
   * All events except those of single requests, which only the latency recorder receives, and the progress of installs,
   * which the views contain.
   */
  | {
      kind: 'event';
      event:
        | Exclude<
            CoordinatorEvent,
            {
              kind:
                | 'request-finished'
                | 'request-settled'
                | 'request-copied'
                | 'copy-skipped'
                | 'copy-refused';
            }
          >
        | FaultEvent;
    }
  /** The ends of single requests, up to ten times per second. */
  | { kind: 'answers'; update: AnswerUpdate }
  /** Sent a few times per second, if something changed. */
  | {
      kind: 'views';
      devices: readonly DeviceView[];
      deployments: readonly DeploymentRuntime[];
      preloads?: readonly PreloadProgress[];
      latency: readonly LatencyView[];
    };

/** What a device emulates for a network preset. */
export interface DeviceNetwork {
  readonly preset: Exclude<NetworkPreset, 'off'>;
  /** For the names of latency periods: "paper’s WiFi". */
  readonly text: string;
  readonly faults: readonly Extract<Fault, { kind: 'delay' | 'slow' }>[];
}

/** The effect of an operator's action. `active`: the faults that an operator injected and that are in effect after it. */
export type FaultEvent =
  | {
      readonly kind: 'fault-injected';
      readonly device: string;
      readonly fault: InjectedFault;
      readonly active: readonly InjectedFault[];
    }
  /** `ended`: the kind of the fault that ended; `all`: every emulated one. */
  | {
      readonly kind: 'fault-healed';
      readonly device: string;
      readonly ended: InjectedFault['kind'] | 'all';
      readonly active: readonly InjectedFault[];
    }
  | { readonly kind: 'device-revived'; readonly device: string; readonly active: readonly InjectedFault[] }
  /** `network`: the text of the preset; null if it ended. */
  | {
      readonly kind: 'network-set';
      readonly device: string;
      readonly network: string | null;
      readonly active: readonly InjectedFault[];
    }
  | { readonly kind: 'device-refused'; readonly device: string | null; readonly message: string }
  | { readonly kind: 'device-forgotten'; readonly device: string; readonly name: string };
