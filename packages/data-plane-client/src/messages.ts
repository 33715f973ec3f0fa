/**
 * What the control plane's main thread and the data plane's worker thread say to each other. Plain data, cloned.
 * Calls have a reply each (`call` numbers pair them); notices have none.
 */
import type { CoordinatorEvent, DeploymentState, Policy, RequestTrace } from '@sparewheel/coordinator';
import type { Artifact, Artifacts, Plan } from '@sparewheel/planner';
import type {
  ArrivalsView,
  DeviceView,
  ErrorReport,
  FaultRequest,
  LatencyView,
  LoadRequest,
  LoadView,
  SeatView,
  WaitPredictionView,
} from '@sparewheel/protocol';

export interface DataPlaneOptions {
  readonly host: string;
  readonly port: number;
  readonly joinToken: string;
  readonly inferToken: string;
  /** The operator may also infer: the dashboard's canvas uses its token. */
  readonly operatorToken: string;
  /** Directory of the content-addressed blobs (`<sha256>` each). */
  readonly blobs: string;
  /** Devices that have joined before: an identity is bound to the secret that it first came with. */
  readonly devices: readonly KnownDevice[];
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
  /** Device ids by seat, null where the coordinator is to choose. */
  readonly seats: readonly (string | null)[];
}

export interface DeploymentRuntime {
  readonly name: string;
  readonly state: DeploymentState;
  readonly reason: string | null;
  readonly policy: Policy;
  readonly seats: readonly SeatView[];
  readonly load: LoadView | null;
  /** Under `waitMs: "adaptive"`. */
  readonly waiting?: readonly WaitPredictionView[];
}

export type DataPlaneCall =
  | { kind: 'deploy'; deployment: LiveDeployment }
  /**
   * Names the stored deployments that the control plane has not sent yet; the list replaces the one before. The data plane
   * is not ready until the first call, and while the list is not empty.
   */
  | { kind: 'expect-deployments'; names: readonly string[] }
  /** Sends an artifact of a deployment ahead that is still being prepared; answered at once. */
  | { kind: 'preload'; name: string; device: string; artifact: Artifact }
  /** Nothing comes of it. */
  | { kind: 'cancel-preload'; name: string }
  | { kind: 'undeploy'; name: string }
  | { kind: 'set-policy'; name: string; policy: Policy }
  | { kind: 'fault'; device: string; fault: FaultRequest }
  /** Starts a device's process again; one in quarantine is pardoned. */
  | { kind: 'revive'; device: string }
  | { kind: 'start-load'; name: string; load: LoadRequest }
  | { kind: 'stop-load'; name: string }
  | { kind: 'latency'; name: string }
  /** When each device's answers came. */
  | { kind: 'arrivals'; name: string }
  | { kind: 'reset-latency'; name: string }
  /** How the last requests went: at most `limit` of them. */
  | { kind: 'traces'; name: string; limit: number }
  /** Stops accepting, finishes what was accepted, closes. */
  | { kind: 'stop' };

export interface DataPlaneReplies {
  deploy: null;
  'expect-deployments': null;
  preload: null;
  'cancel-preload': null;
  undeploy: null;
  'set-policy': null;
  fault: null;
  revive: null;
  'start-load': LoadView;
  'stop-load': LoadView | null;
  latency: LatencyView;
  arrivals: ArrivalsView;
  'reset-latency': null;
  /** Newest first. */
  traces: readonly RequestTrace[];
  stop: null;
}

export interface CallMessage {
  readonly call: number;
  readonly body: DataPlaneCall;
}

export type DataPlaneMessage =
  | { kind: 'reply'; call: number; ok: true; value: DataPlaneReplies[keyof DataPlaneReplies] }
  | { kind: 'reply'; call: number; ok: false; failure: ErrorReport }
  /** The servers listen. */
  | { kind: 'listening'; port: number }
  /** It could not start: the port is taken, say. */
  | { kind: 'failed'; code: string; message: string }
  /** A device came for the first time, or under a new name: to be stored. */
  | { kind: 'device-known'; device: KnownDevice }
  /**
   * Everything that happened except to single requests, which only the latency recorder sees, and an install's
   * progress, which the views show.
   */
  | {
      kind: 'event';
      event: Exclude<CoordinatorEvent, { kind: 'request-finished' | 'request-settled' }> | FaultEvent;
    }
  /** A few times a second, where something changed. */
  | {
      kind: 'views';
      devices: readonly DeviceView[];
      deployments: readonly DeploymentRuntime[];
      latency: readonly LatencyView[];
    };

/** An operator's doing, as it took effect. */
export interface FaultEvent {
  readonly kind: 'fault-injected' | 'fault-healed' | 'device-revived' | 'device-refused';
  readonly device: string | null;
  readonly message: string;
}
