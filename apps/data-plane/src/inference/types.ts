/** Names and messages of the Open Inference Protocol v2. */
import type { ElementType, Tensor, TensorSpec } from '@sparewheel/protocol';

export const DATATYPES: Readonly<Record<ElementType, string>> = {
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
  readonly ready: boolean;
}

export interface RequestedOutput {
  readonly name: string;
  readonly binary: boolean;
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
}

/** What the servers of the inference protocol, HTTP and gRPC, need from the data plane. */
export interface InferenceBackend {
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
