/** Jobs of the model builder and their results. Plain data: they cross between threads. */
import type {
  Artifact,
  Artifacts,
  BlobRef,
  BuildProgress,
  DeviceCapacity,
  LayerChoice,
  Objective,
  Plan,
  Planned,
  SplitChoice,
  Strategy,
} from '@sparewheel/planner';
import type { LinearLayerView, TensorSpec } from '@sparewheel/protocol';

export interface ModelBuilderOptions {
  /** Directory of the content-addressed blobs. */
  readonly blobs: string;
  /** Existing directory for temporary files, on the same file system as the blobs. */
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
  readonly splits?: SplitChoice;
  readonly objective?: Objective;
  /** Memory of the data plane for weights. */
  readonly dataPlaneMemoryBytes?: number;
  /** Devices that can take a seat. */
  readonly devices: readonly DeviceCapacity[];
}

export type ModelBuilderJob =
  /**
   * Canonicalizes and profiles an ONNX file, or a tar or zip archive of an ONNX file and its data files, or of
   * a TensorFlow.js model and its weight files. Keeps the file.
   */
  | {
      kind: 'import-model';
      path: string;
      name: string;
      /** Usual sizes of free dimensions, by name. */
      dimensions: Readonly<Record<string, number>>;
      /** The largest sizes of free dimensions, by name. */
      maxDimensions: Readonly<Record<string, number>>;
      /** Whole shapes, by input. */
      shapes: Readonly<Record<string, readonly number[]>>;
    }
  /** Writes a model of the zoo to a new file. */
  | { kind: 'build-zoo-model'; name: string; path: string }
  | { kind: 'plan'; profileSha256: string; choice: PlanningChoice }
  /** Returns whether a blob exists and has the content of its name. */
  | { kind: 'verify-blob'; sha256: string }
  /** Cuts the model and encodes the shards of a plan into the blob store. */
  | { kind: 'build'; plan: Plan; canonical: Artifact };

export interface JobProgress {
  /** From 0 to 1. */
  readonly fraction: number;
  /** The artifact that a build has just stored, and the seats of the plan that compute it. */
  readonly made?: BuildProgress['made'];
}

export interface ModelBuilderResults {
  'import-model': ImportedModel;
  'build-zoo-model': BuiltZooModel;
  plan: Planned;
  'verify-blob': boolean;
  build: Artifacts;
}
