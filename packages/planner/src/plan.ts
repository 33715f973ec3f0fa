import type { TensorSpec } from '@sparewheel/protocol';
import type { TensorProfile } from './profile.ts';

/** How a model is to be divided. `coded` is the paper's redundancy on every distributed layer. */
export type Strategy = 'coded' | 'paper' | 'replicated' | 'uncoded';

/** Which linear layers are distributed: those worth a hop, every one that can be, or the named ones. */
export type LayerChoice = 'auto' | 'all' | readonly string[];

/** Names the bytes of a file in the content-addressed store. */
export interface BlobRef {
  /** Lower-case hexadecimal, 64 digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * An ONNX model whose weights stand in a file of their own, so that a device can memory-map them. The graph's
 * external-data location is the weights' sha-256, which is also their file name in every store.
 */
export interface Artifact {
  readonly graph: BlobRef;
  /** null where the subgraph has no weights worth a file. */
  readonly weights: BlobRef | null;
}

/**
 * A seat is a place in a plan that one device fills: shard i of every layer that shares a group sits on seat i.
 * Plans name seats, never devices; which device sits where is the deployment's business and changes when it heals.
 */
export type Seat = number;

export interface LocalStep {
  readonly kind: 'local';
  readonly id: string;
  /** The nodes it holds, for people: "Relu, MaxPool". */
  readonly summary: string;
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
  /** Indices of its nodes in the canonical graph. */
  readonly nodes: readonly number[];
}

export interface ReplicatedStep {
  readonly kind: 'replicated';
  readonly id: string;
  readonly summary: string;
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
  readonly nodes: readonly number[];
  /** Every one of them holds the whole subgraph; the first answer wins. */
  readonly seats: readonly Seat[];
  /**
   * Type and shape of each fetch as profiled, against which answers are checked: a dimension of -1 takes any, null
   * stands where nothing is known. Missing in plans from before it was noted.
   */
  readonly fetchShapes?: readonly (TensorProfile | null)[];
}

export interface CodedStep {
  readonly kind: 'coded';
  readonly id: string;
  /** The linear layer's name (its node's, or one made from its output where the node has none), and its node. */
  readonly layer: string;
  readonly node: number;
  readonly op: 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul';
  /**
   * The tensor that is broadcast to the group, and the layer's (pre-activation) output. A grouped convolution's output
   * travels with its groups folded into the batch, [batch · groups, rows, spatial…]; the steps that use it know.
   */
  readonly feed: string;
  readonly fetch: string;
  /** The output axis that was divided, counted from the front where ≥ 0 and from the end where < 0 (-1 = last). */
  readonly axis: number;
  /** Rows of the layer's output: `blocks[i]` belongs to data shard i; every shard computes `height` rows. */
  readonly blocks: readonly { readonly start: number; readonly rows: number }[];
  readonly height: number;
  /** k data shards, then r parity shards. */
  readonly dataShards: number;
  readonly parityShards: number;
  /** `seats[i]` computes shard i in [0, k + r); no seat twice. */
  readonly seats: readonly Seat[];
  /** The whole layer's multiply-adds for one request, where shapes are known. */
  readonly multiplyAdds: number;
}

export type Step = LocalStep | ReplicatedStep | CodedStep;

/** Why a layer is not distributed. */
export interface LayerDecision {
  readonly layer: string;
  readonly op: string;
  readonly distributed: boolean;
  readonly reason: string;
}

export interface SeatSummary {
  readonly seat: Seat;
  readonly role: 'data' | 'parity' | 'replica';
  readonly weightsBytes: number;
  readonly multiplyAdds: number;
  /** Bytes that a request sends to the seat and takes back. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** How one model runs on one fleet: steps in an order in which every feed is there when it is needed. */
export interface Plan {
  readonly version: 1;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly strategy: Strategy;
  readonly k: number;
  readonly r: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly steps: readonly Step[];
  readonly seats: readonly SeatSummary[];
  readonly decisions: readonly LayerDecision[];
  /** Devices whose single failure is survived ÷ all devices of the deployment; in [0, 1]. */
  readonly coverage: number;
}

/**
 * The files of a plan, by step id: one for a local or replicated step, k + r for a coded one (by shard index).
 * They are made from plan and model by `buildArtifacts` and are the only part of a deployment that holds weights.
 */
export type Artifacts = Readonly<Record<string, readonly Artifact[]>>;

/** Returns the files of an artifact: its graph, and its weights where it has any. */
export function blobsOf({ graph, weights }: Artifact): readonly BlobRef[] {
  return weights === null ? [graph] : [graph, weights];
}
