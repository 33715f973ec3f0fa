/** The names that the Open Inference Protocol v2 gives to element types, and the messages of its `infer` call. */
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

/** The length of the JSON part of a body that goes on with binary tensors. */
export const HEADER_LENGTH_HEADER = 'inference-header-content-length';

/** Names are the deployment's; the only version is what is deployed now. */
export const MODEL_VERSION = '1';

/** What a client may know of a deployment. */
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
  /** In the order in which they are to be answered. */
  readonly outputs: readonly RequestedOutput[];
}

export interface InferenceResult {
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Data shards decoded from parity; shards that the data plane computed itself. */
  readonly recovered: number;
  readonly rescued: number;
  readonly latencyMs: number;
}
