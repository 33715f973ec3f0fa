import type { Tensor } from '@sparewheel/protocol';

export { EngineError, type EngineErrorCode } from './engine-error.ts';

/** Where an ONNX model comes from. */
export type ModelSource =
  | {
      readonly kind: 'bytes';
      readonly graph: Uint8Array;
      /** Files that the graph names as external data; `location` as written in the graph. */
      readonly externalData?: readonly { readonly location: string; readonly data: Uint8Array }[];
    }
  | {
      readonly kind: 'file';
      /** External data lie beside it, under the names that the graph gives. */
      readonly path: string;
      /** Those names. The native backend finds them by itself; wasm has no file system and must be told. */
      readonly externalData?: readonly string[];
    };

export interface LoadOptions {
  /**
   * Leave the weights in their memory-mapped external file instead of repacking them into memory of their own:
   * the model's memory falls from 2–3 × its weights to 1 ×, shared with the page cache; running is 0–25 % slower.
   * Without effect on wasm and on models whose weights are in the graph.
   */
  readonly mapped?: boolean;
}

export interface LoadedModel {
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

export interface RunResult {
  readonly fetches: Record<string, Tensor>;
  /** Time in ONNX Runtime, without queueing and without the way to another thread. */
  readonly computeMs: number;
}

/** Runs ONNX models on tensors, one at a time, in the order of the calls. */
export interface Engine {
  readonly backend: 'native' | 'wasm';
  /**
   * Makes a session under a key. A key that is loaded already answers at once, whatever the source.
   * @param source  copied or read; not kept
   * @throws {EngineError} `invalid-model`
   */
  load(key: string, source: ModelSource, options?: LoadOptions): Promise<LoadedModel>;
  /**
   * @param feeds  every feed of the model by name; neither mutated nor detached
   * @param fetches  which outputs to compute; all where not given
   * @returns tensors that the caller owns
   * @throws {EngineError} `unknown-model`, `invalid-feed`, `unknown-fetch`, `run-failed`
   */
  run(key: string, feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<RunResult>;
  /** Frees a session. A key that is not loaded is fine. */
  unload(key: string): Promise<void>;
  /** Frees everything; later calls reject with `closed`. */
  close(): Promise<void>;
}

export interface EngineOptions {
  /** `auto`, the default: native where its binary loads, else wasm. */
  readonly backend?: 'auto' | 'native' | 'wasm';
  /** Threads within one operator; default 1, so that many devices on one machine do not fight over its cores. */
  readonly intraOpNumThreads?: number;
  /** Told why the native backend was not used. */
  readonly log?: (message: string) => void;
}
