/** The state that survives a restart of the control plane. Two stores implement it: SQLite and memory. */
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
  /** SHA-256 of the uploaded file, in hex. */
  readonly sha256: string;
  /** Size of the uploaded file. */
  readonly bytes: number;
  /** The model in canonical form. */
  readonly canonical: Artifact;
  /** SHA-256 of the blob that holds its profile as JSON. */
  readonly profileSha256: string;
  /** Sizes that the upload gave for symbolic dimensions, by name. */
  readonly dimensions: Readonly<Record<string, number>>;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LinearLayerView[];
  readonly parameters: number;
  readonly createdAt: string;
}

/** The requested deployment, without name, model and policy. */
export interface DeploymentChoice {
  readonly k: number;
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /** Devices that the plan may use; null for any. */
  readonly devices: readonly string[] | null;
  /** The deployment whose accepted requests this one receives as copies. Absent in older records. */
  readonly mirrorOf?: string | null;
  /** Whether the deployment is the uncoded twin of `mirrorOf`. Absent in other mirrors. */
  readonly twin?: boolean;
}

/** `preparing`: shards are being encoded. `live`: handed to the data plane. `failed`: could not be deployed. */
export type DeploymentStatus = 'preparing' | 'live' | 'failed';

export interface DeploymentRecord {
  readonly name: string;
  readonly model: string;
  readonly status: DeploymentStatus;
  /** Why it failed. */
  readonly reason: string | null;
  readonly choice: DeploymentChoice;
  readonly policy: Policy;
  readonly plan: Plan;
  /** null before the first preparation ends. */
  readonly artifacts: Artifacts | null;
  /** Device id by seat; null for an empty seat. */
  readonly seats: readonly (string | null)[];
  readonly createdAt: string;
}

export interface EventQuery {
  readonly limit: number;
  /** Selects events with a smaller id: the next page. */
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

export class NameTakenError extends Error {
  override name = 'NameTakenError';
  constructor(
    readonly kind: 'model' | 'deployment',
    readonly taken: string,
  ) {
    super(`a ${kind} named "${taken}" exists`);
  }
}

export class UnknownModelError extends Error {
  override name = 'UnknownModelError';
  constructor(readonly model: string) {
    super(`no model is named "${model}"`);
  }
}

export class ModelInUseError extends Error {
  override name = 'ModelInUseError';
  constructor(
    readonly model: string,
    readonly deployments: readonly string[],
  ) {
    super(`deployments use the model "${model}": ${deployments.join(', ')}`);
  }
}

/** Stores records. Lists are sorted by name; events come newest first, latency summaries oldest first. */
export interface Store {
  devices(): Promise<readonly KnownDevice[]>;
  /** Adds a device, or replaces the record with the same id. */
  saveDevice(device: KnownDevice): Promise<void>;
  /** Does nothing if no such device exists. */
  deleteDevice(id: string): Promise<void>;

  models(): Promise<readonly ModelRecord[]>;
  model(name: string): Promise<ModelRecord | null>;
  /** @throws {NameTakenError} */
  createModel(model: ModelRecord): Promise<void>;
  /** Refers to another profile of the model. Does nothing if the model does not exist. */
  setModelProfile(name: string, profileSha256: string): Promise<void>;
  /**
   * @returns false if no such model exists
   * @throws {ModelInUseError}
   */
  deleteModel(name: string): Promise<boolean>;

  deployments(): Promise<readonly DeploymentRecord[]>;
  deployment(name: string): Promise<DeploymentRecord | null>;
  /**
   * @throws {NameTakenError}
   * @throws {UnknownModelError}
   */
  createDeployment(deployment: DeploymentRecord): Promise<void>;
  /** Changes the given fields. Does nothing if the deployment does not exist. */
  updateDeployment(
    name: string,
    change: Partial<Pick<DeploymentRecord, 'status' | 'reason' | 'policy' | 'plan' | 'artifacts' | 'seats'>>,
  ): Promise<void>;
  /** @returns false if no such deployment exists */
  deleteDeployment(name: string): Promise<boolean>;

  /** Returns the SHA-256 of every blob that a model or deployment needs. */
  blobsInUse(): Promise<ReadonlySet<string>>;

  /** @param events  with ascending ids that the caller assigns */
  appendEvents(events: readonly EventView[]): Promise<void>;
  events(query: EventQuery): Promise<readonly EventView[]>;
  /** Returns 0 if there is no event. */
  lastEventId(): Promise<number>;
  /** Deletes all but the newest `keep` events. */
  pruneEvents(keep: number): Promise<void>;

  appendLatencySummaries(summaries: readonly LatencySummary[]): Promise<void>;
  /** Returns the newest `limit` summaries of a deployment. */
  latencySummaries(deployment: string, limit: number): Promise<readonly LatencySummary[]>;
  /** Deletes all but the newest `keep` summaries of each deployment. */
  pruneLatencySummaries(keep: number): Promise<void>;

  close(): Promise<void>;
}
