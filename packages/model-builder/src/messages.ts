/** Between the main thread and the model builder's: jobs that would block, and what came of them. Plain data, cloned. */

import type {
  Artifact,
  Artifacts,
  BlobRef,
  BuildProgress,
  DeviceCapacity,
  LayerChoice,
  Plan,
  Planned,
  Strategy,
} from '@sparewheel/planner';
import type { ErrorReport, LinearLayerView, TensorSpec } from '@sparewheel/protocol';

export interface ModelBuilderOptions {
  /** Directory of the content-addressed blobs. */
  readonly blobs: string;
  /** An existing directory on the same file system, for what is half-done. */
  readonly scratch: string;
}

export interface ImportedModel {
  readonly canonical: Artifact;
  readonly profile: BlobRef;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LinearLayerView[];
  readonly parameters: number;
}

export interface BuiltZooModel {
  readonly sha256: string;
  readonly bytes: number;
}

export interface PlanningChoice {
  readonly k: number;
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /** The devices that there are to fill seats. */
  readonly devices: readonly DeviceCapacity[];
}

export type ModelBuilderJob =
  /** Canonicalizes and profiles the ONNX file, or archive of such a file and its data, at `path`, which stays there. */
  | {
      kind: 'import-model';
      path: string;
      name: string;
      /** Sizes of symbolic dimensions, and whole shapes by input. */
      dimensions: Readonly<Record<string, number>>;
      shapes: Readonly<Record<string, readonly number[]>>;
    }
  /** Writes a network of the zoo to a new file. */
  | { kind: 'build-zoo-model'; name: string; path: string }
  | { kind: 'plan'; profileSha256: string; choice: PlanningChoice }
  /** Cuts the model and encodes the shards of a plan into the blob store. */
  | { kind: 'build'; plan: Plan; canonical: Artifact };

export interface JobProgress {
  /** From 0 to 1. */
  readonly fraction: number;
  /** Of a build: the artifact that is now in the blob store, and the seats of the plan that compute it. */
  readonly made?: BuildProgress['made'];
}

export interface ModelBuilderResults {
  'import-model': ImportedModel;
  'build-zoo-model': BuiltZooModel;
  plan: Planned;
  build: Artifacts;
}

export interface JobMessage {
  readonly job: number;
  readonly body: ModelBuilderJob;
}

/** Ends whatever the thread has started; it answers `closed` and may then be terminated. */
export interface CloseMessage {
  readonly close: true;
}

export type ModelBuilderMessage =
  | { kind: 'closed' }
  | ({ kind: 'progress'; job: number } & JobProgress)
  | { kind: 'done'; job: number; value: ModelBuilderResults[keyof ModelBuilderResults] }
  | { kind: 'failed'; job: number; failure: ErrorReport };
