/** What survives a restart of the control plane, whatever keeps it. */
import type { Policy } from '@sparewheel/coordinator';
import type { KnownDevice } from '@sparewheel/data-plane-client';
import type { Artifact, Artifacts, LayerChoice, Plan, Strategy } from '@sparewheel/planner';
import type {
  EventLevel,
  EventView,
  LinearLayerView,
  Percentiles,
  RequestCounts,
  TensorSpec,
} from '@sparewheel/protocol';

export interface ModelRecord {
  readonly name: string;
  /** Of the file as it was uploaded. */
  readonly sha256: string;
  readonly bytes: number;
  /** The model in canonical form. */
  readonly canonical: Artifact;
  /** Blob: its profile, as JSON. */
  readonly profileSha256: string;
  readonly dimensions: Readonly<Record<string, number>>;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LinearLayerView[];
  readonly parameters: number;
  readonly createdAt: string;
}

/** What was asked for, besides name, model and policy. */
export interface DeploymentChoice {
  readonly k: number;
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /** The devices that may be used; null for any. */
  readonly devices: readonly string[] | null;
}

/** `preparing`: its shards are being made. `live`: it is the data plane's. `failed`: it could not be set up. */
export type DeploymentStatus = 'preparing' | 'live' | 'failed';

export interface DeploymentRecord {
  readonly name: string;
  readonly model: string;
  readonly status: DeploymentStatus;
  readonly reason: string | null;
  readonly choice: DeploymentChoice;
  readonly policy: Policy;
  readonly plan: Plan;
  /** null while it is being prepared. */
  readonly artifacts: Artifacts | null;
  /** Device ids by seat, null where nobody sits. */
  readonly seats: readonly (string | null)[];
  readonly createdAt: string;
}

export interface EventQuery {
  readonly limit: number;
  /** Only events with a smaller id: the next page. */
  readonly before?: number;
  readonly device?: string;
  readonly deployment?: string;
  readonly level?: EventLevel;
}

export interface LatencySummary {
  readonly deployment: string;
  readonly at: string;
  readonly counts: RequestCounts;
  readonly percentiles: Percentiles;
}

/** Another model or deployment has the name. */
export class NameTakenError extends Error {
  override name = 'NameTakenError';
  constructor(
    readonly kind: 'model' | 'deployment',
    readonly taken: string,
  ) {
    super(`there is already a ${kind} named "${taken}"`);
  }
}

export class UnknownModelError extends Error {
  override name = 'UnknownModelError';
  constructor(readonly model: string) {
    super(`there is no model named "${model}"`);
  }
}

export class ModelInUseError extends Error {
  override name = 'ModelInUseError';
  constructor(
    readonly model: string,
    readonly deployments: readonly string[],
  ) {
    super(`the model "${model}" is used by ${deployments.map((name) => `"${name}"`).join(', ')}`);
  }
}

/** Lists come sorted by name, events newest first, summaries oldest first. */
export interface Store {
  devices(): Promise<readonly KnownDevice[]>;
  /** Adds it, or updates the one of the same id. */
  saveDevice(device: KnownDevice): Promise<void>;

  models(): Promise<readonly ModelRecord[]>;
  model(name: string): Promise<ModelRecord | null>;
  /** @throws {NameTakenError} */
  createModel(model: ModelRecord): Promise<void>;
  /**
   * @returns false where there is none
   * @throws {ModelInUseError} a deployment needs it
   */
  deleteModel(name: string): Promise<boolean>;

  deployments(): Promise<readonly DeploymentRecord[]>;
  deployment(name: string): Promise<DeploymentRecord | null>;
  /**
   * @throws {NameTakenError}
   * @throws {UnknownModelError}
   */
  createDeployment(deployment: DeploymentRecord): Promise<void>;
  /** Changes the named fields, and nothing where the deployment is gone. */
  updateDeployment(
    name: string,
    change: Partial<Pick<DeploymentRecord, 'status' | 'reason' | 'policy' | 'plan' | 'artifacts' | 'seats'>>,
  ): Promise<void>;
  /** @returns false where there is none */
  deleteDeployment(name: string): Promise<boolean>;

  /** The sha-256 of every blob that a model or a deployment needs. */
  blobsInUse(): Promise<ReadonlySet<string>>;

  /** Ids are the caller's, and rise. */
  appendEvents(events: readonly EventView[]): Promise<void>;
  events(query: EventQuery): Promise<readonly EventView[]>;
  /** 0 where there is none. */
  lastEventId(): Promise<number>;
  /** Forgets all but the newest. */
  pruneEvents(keep: number): Promise<void>;

  appendLatencySummaries(summaries: readonly LatencySummary[]): Promise<void>;
  /** The newest `limit` of a deployment. */
  latencySummaries(deployment: string, limit: number): Promise<readonly LatencySummary[]>;
  /** Forgets all but the newest of each deployment. */
  pruneLatencySummaries(keep: number): Promise<void>;

  close(): Promise<void>;
}
