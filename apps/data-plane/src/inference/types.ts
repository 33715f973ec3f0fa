/** Names and messages of the Open Inference Protocol v2. */
import type { Tensor, TensorSpec, TensorType } from '@sparewheel/protocol';
import type { CallStatistics } from './call-statistics.ts';

export const DATATYPES: Readonly<Record<TensorType, string>> = {
  float32: 'FP32',
  float64: 'FP64',
  int8: 'INT8',
  uint8: 'UINT8',
  int16: 'INT16',
  uint16: 'UINT16',
  int32: 'INT32',
  uint32: 'UINT32',
  int64: 'INT64',
  uint64: 'UINT64',
  bool: 'BOOL',
  float16: 'FP16',
  string: 'BYTES',
};

/** Header with the length of the JSON part, if binary tensors follow it. */
export const HEADER_LENGTH_HEADER = 'inference-header-content-length';

/** The only version of a deployment. */
export const MODEL_VERSION = '1';

/** A deployment as clients see it. */
export interface ServedModel {
  readonly name: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** As the model repository extension names it. */
  readonly state: 'READY' | 'LOADING' | 'UNAVAILABLE';
  /** Why the deployment is not ready; empty if it is. */
  readonly reason: string;
  readonly statistics: CallStatistics;
}

export interface RequestedOutput {
  readonly name: string;
  readonly binary: boolean;
  /** The number of classes to return instead of the tensor; null for the tensor. */
  readonly classes: number | null;
}

/** An input as it was sent, before it is compared with the model. */
export interface SentInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** The elements as bytes; or as values, flat or nested like the shape (JSON) or always flat (gRPC). */
  readonly content: { readonly bytes: Uint8Array } | { readonly values: unknown };
}

/** An `infer` call as it was sent over HTTP or gRPC. */
export interface SentRequest {
  readonly id: string | null;
  readonly inputs: readonly SentInput[];
  /** Empty for all outputs. */
  readonly outputs: readonly {
    readonly name: string;
    readonly binary?: boolean | undefined;
    readonly classes?: number | undefined;
  }[];
  readonly binaryByDefault: boolean;
}

export interface InferenceRequest {
  readonly id: string | null;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** In the order of the response. */
  readonly outputs: readonly RequestedOutput[];
}

export interface InferenceResult {
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Data shards recovered by decoding. */
  readonly recovered: number;
  /** Shards that the data plane computed itself. */
  readonly rescued: number;
  readonly latencyMs: number;
  /** The part of the latency before the first step. */
  readonly queuedMs: number;
}

/** What the servers of the inference protocol, HTTP and gRPC, need from the data plane. */
export interface InferenceBackend {
  /** Returns all deployments, in the order of their names. */
  models(): readonly ServedModel[];
  /** Returns a deployment, or null if it does not exist. */
  model(name: string): ServedModel | null;
  /** Returns whether every stored deployment can answer or has failed. */
  ready(): boolean;
  /** Runs a request. Rejects with a CoordinatorError or ApiError. */
  infer(
    name: string,
    feeds: Readonly<Record<string, Tensor>>,
    options: { readonly fetches: readonly string[]; readonly signal: AbortSignal },
  ): Promise<InferenceResult>;
}
