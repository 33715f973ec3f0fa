import type { LinearOp } from '@sparewheel/onnx';
import type { SizeLimit, TensorSpec } from '@sparewheel/protocol';
import type { Costs, DeviceCapacity } from './costs/costs.ts';
import type { TensorProfile } from './profile.ts';

/**
 * How a model is divided. `coded`: all distributed layers share one group of k + r devices. `paper`: each
 * distributed layer has its own group [paper §6]. `replicated`: whole stages with replicas. `uncoded`: like
 * `coded` without parity.
 */
export type Strategy = 'coded' | 'paper' | 'replicated' | 'uncoded';

/**
 * What a plan is for. `latency`: the fastest plan that survives r failures; the data plane may compute.
 * `devices-only`: the data plane runs no linear layer and computes no missing shard. It merges answers and runs
 * what lies between linear layers, like the merging device in the paper.
 */
export type Objective = 'latency' | 'devices-only';

/** Predicted time and transfer of one request on an idle, healthy fleet. */
export interface Prediction {
  readonly ms: number;
  /** Sent and received by all devices together; 1 MB is 10⁶ bytes. */
  readonly megabytes: number;
}

/** The prediction for a plan. */
export interface PlanPrediction extends Prediction {
  /**
   * Milliseconds from the sending of a step's feeds to the answer of its slowest device, by the id of each step that
   * devices compute. Absent in plans of older versions.
   */
  readonly answerMs?: Readonly<Record<string, number>>;
}

/** What a plan costs, beside the two ways to run the model without dividing it. */
export interface Predictions {
  /** The whole model on the fastest single device; null if no device has enough memory. */
  readonly device: Prediction | null;
  readonly plan: PlanPrediction;
  /** The whole model on the data plane; null if it has too little memory. */
  readonly dataPlane: Prediction | null;
}

/** The linear layers to distribute: those faster on devices, all that can be coded, or a list of names. */
export type LayerChoice = 'auto' | 'all' | readonly string[];

/**
 * What a coded step divides. `weights`: each device holds a part of the weights and gets the whole input; the
 * parity devices hold sums of weights. `inputs`: each device holds all weights and gets a piece of the input;
 * the parity devices get sums of pieces.
 */
export type Split = 'weights' | 'inputs';

/**
 * What a step divides, if it is not one coded layer. `tiles`: a run of layers is computed in bands of the image's rows,
 * without a gather between its layers. `slices`: a run of layers is computed in columns or heads, and the results of the
 * devices are added.
 */
export type PartsSplit = 'tiles' | 'slices';

/** What a layer's step divides. */
export type DividedHow = Split | PartsSplit;

/** One split for all layers, or for each layer the better one. */
export type SplitChoice = 'auto' | DividedHow;

/** Rows `[from, to)` of an image. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** One tile of a segment: a replicated step that computes a band of the segment's output. */
export interface TilePlan {
  /** Equal for the tiles of one segment, and unique in the plan. */
  readonly segment: number;
  readonly index: number;
  readonly tiles: number;
  /** The divided axis of the images. */
  readonly axis: number;
  /** The segment's output, which a join step makes from the tiles. */
  readonly fetch: string;
  readonly inputRows: number;
  readonly outputRows: number;
  /** Rows of the feed that the tile gets, halo included, and rows of the output that it makes. */
  readonly input: RowRange;
  readonly output: RowRange;
  /** By node of the step: computed rows, halo included, ÷ rows of the whole image. */
  readonly shares: readonly number[];
}

/** One slice of a run of layers: a replicated step that computes a summand of the run's result. */
export interface SlicePlan {
  readonly index: number;
  readonly slices: number;
  /** The run's result, which a later step adds up. Unique in the plan. */
  readonly fetch: string;
  /** What the slices divide, columns or heads: all of the run, and those of this slice. */
  readonly units: number;
  readonly part: RowRange;
}

/** The pieces of a divided input. Rows outside the input are zeros. */
export interface InputPiecesPlan {
  /** The divided axis of the input, counted from the front if ≥ 0, from the end if < 0. */
  readonly axis: number;
  /** Rows of the whole input along the axis. */
  readonly inputRows: number;
  /** Rows of every piece, halo and padding included. */
  readonly rows: number;
  /** First row of each data shard's piece; negative if it starts in the padding. */
  readonly starts: readonly number[];
}

/** A file in the content-addressed store. */
export interface BlobRef {
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * An ONNX model with its weights in a separate file, so that a device can memory-map them. The external-data
 * location in the graph is the SHA-256 of the weights file, which is also its name in every store.
 */
export interface Artifact {
  readonly graph: BlobRef;
  /** Null if the graph contains all weights. */
  readonly weights: BlobRef | null;
}

/**
 * The index of a role in a plan that one device fills. Shard i of every layer of a group belongs to seat i of
 * the group. A plan refers to seats, not devices. The deployment assigns devices to seats; a takeover changes
 * the assignment.
 */
export type Seat = number;

export interface LocalStep {
  readonly kind: 'local';
  readonly id: string;
  /** The operators, to display: "Relu, MaxPool". */
  readonly summary: string;
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
  /** Node indices in the canonical graph. */
  readonly nodes: readonly number[];
  /** Concatenates the feeds along this axis, without an engine. Such a step has no nodes and no artifact. */
  readonly joins?: number;
  /** Adds the feeds, which have one shape, without an engine. Such a step has no nodes and no artifact. */
  readonly adds?: true;
}

export interface ReplicatedStep {
  readonly kind: 'replicated';
  readonly id: string;
  readonly summary: string;
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
  readonly nodes: readonly number[];
  /**
   * Each seat holds the whole subgraph; the first answer wins. With a tile or slice, the seats after the first are backups:
   * they compute only if the first is late or gone.
   */
  readonly seats: readonly Seat[];
  /** Set if the step computes only some rows. Its feed is the whole image. */
  readonly tile?: TilePlan;
  /** Set if the step computes only some columns or heads. Its fetch is a summand of the slice's result. */
  readonly slice?: SlicePlan;
  /**
   * Expected type and shape of each fetch, to validate answers: -1 matches any dimension, null matches any
   * tensor. Absent in plans of older versions.
   */
  readonly fetchShapes?: readonly (TensorProfile | null)[];
  /** How the answers of replicas can be compared. Absent if the usual tolerance holds, and in plans of older versions. */
  readonly comparison?: Comparison;
}

/** How the answers of correct replicas can differ. */
export interface Comparison {
  /** The random operators of the step. Its replicas are never compared. */
  readonly random?: string;
  /** The largest difference of correct answers, relative to the largest value of a tensor. */
  readonly tolerance?: number;
  /** Rounding errors can change integers, masks and sizes: no difference proves a device wrong. */
  readonly discrete?: true;
}

export interface CodedStep {
  readonly kind: 'coded';
  readonly id: string;
  /** The name of the layer's node, or a name derived from its output, and the node's index. */
  readonly layer: string;
  readonly node: number;
  readonly op: LinearOp;
  /** Absent in plans of older versions, which divide weights. */
  readonly split?: Split;
  /** With `split: 'inputs'` only. */
  readonly pieces?: InputPiecesPlan;
  /**
   * The tensor that is broadcast to the group, or sent in pieces, and the layer's pre-activation output. With
   * divided weights, the output of a grouped convolution has its groups folded into the batch: [batch · groups,
   * rows, spatial…]; later steps unfold it.
   */
  readonly feed: string;
  readonly fetch: string;
  /** The divided output axis, counted from the front if ≥ 0, from the end if < 0 (-1 is the last). */
  readonly axis: number;
  /** Rows of the layer's output by data shard. Every shard's answer has `height` rows. */
  readonly blocks: readonly { readonly start: number; readonly rows: number }[];
  readonly height: number;
  readonly dataShards: number;
  readonly parityShards: number;
  /** `seats[i]` computes shard i: k data shards, then r parity shards. No seat occurs twice. */
  readonly seats: readonly Seat[];
  /** Of the whole layer for one request; 0 if shapes are unknown. */
  readonly multiplyAdds: number;
  /**
   * Requests may be computed together: axis 0 of the feed and of the fetch counts independent rows, and the shards
   * accept any number of them.
   */
  readonly batchable?: true;
  /**
   * Set if the shards have integer weights and answer with int32 accumulators, modulo 2³². Parity coefficients are
   * integers then, and recovered values are equal to the missing ones. Scales follow in a later step. Absent for
   * float32 answers.
   */
  readonly answers?: 'int32';
}

export type Step = LocalStep | ReplicatedStep | CodedStep;

/** Whether a linear layer is distributed, and the reason. */
export interface LayerDecision {
  readonly layer: string;
  readonly op: string;
  readonly distributed: boolean;
  readonly reason: string;
  /** What a distributed layer divides, with the reason. Absent in plans of older versions. */
  readonly split?: DividedHow;
  readonly splitReason?: string;
}

export interface SeatSummary {
  readonly seat: Seat;
  readonly role: 'data' | 'parity' | 'replica';
  readonly weightsBytes: number;
  readonly multiplyAdds: number;
  /** Transfer of one request to the seat (in) and back (out). */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** How one model runs on one fleet. Each step comes after the steps that compute its feeds. */
export interface Plan {
  readonly version: 1;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly strategy: Strategy;
  readonly k: number;
  readonly r: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** For the sizes of several free dimensions together. Absent without them, and in plans of older versions. */
  readonly sizeLimit?: SizeLimit;
  readonly steps: readonly Step[];
  readonly seats: readonly SeatSummary[];
  readonly decisions: readonly LayerDecision[];
  /**
   * Devices whose single failure the plan survives ÷ all devices of the plan; in [0, 1]. Null if the plan uses
   * no device.
   */
  readonly coverage: number | null;
  /** The requested splits; absent in plans of older versions. */
  readonly splits?: SplitChoice;
  /** Absent in plans of older versions, which are for `latency`. */
  readonly objective?: Objective;
  /** Absent in plans of older versions. */
  readonly predictions?: Predictions;
  /** True if the plan is for the model with the matrices of recurrent layers as layers of their own. */
  readonly separated?: true;
  /** Why no layer is divided, as a sentence to display; absent or null if a layer is divided. */
  readonly runsWhole?: string | null;
}

/**
 * The files of a plan by step id: one artifact for a local or replicated step, k + r by shard for a coded
 * step, none for a step that merges parts. `buildArtifacts` builds them from a plan and its model.
 */
export type Artifacts = Readonly<Record<string, readonly Artifact[]>>;

/** Returns the files of an artifact: its graph, and its weights if any. */
export function blobsOf({ graph, weights }: Artifact): readonly BlobRef[] {
  return weights === null ? [graph] : [graph, weights];
}

export interface PlanOptions {
  /** Data shards of every distributed layer; with the strategy `replicated`, the number of stages. */
  readonly k: number;
  /**
   * Parity shards of every distributed layer, and extra replicas of every replicated step: the number of
   * devices of one group that may fail at once. Ignored with the strategy `uncoded`.
   */
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /**
   * What the distributed layers divide; the default is `auto`: for each layer, the split that is predicted to be
   * faster and that fits the memory of the devices. The strategy `paper` divides weights unless it is told
   * otherwise. A layer that the requested split cannot divide is not distributed. With the layers "auto", `auto`
   * also uses tiles or slices where the plan is then predicted to be faster.
   */
  readonly splits?: SplitChoice;
  /** The default is `latency`. */
  readonly objective?: Objective;
  /** Memory of the data plane for weights; unlimited if absent. */
  readonly dataPlaneMemoryBytes?: number;
  /** Available devices. Without them the plan fits any fleet that is large enough. */
  readonly devices?: readonly DeviceCapacity[];
  readonly costs?: Costs;
}
