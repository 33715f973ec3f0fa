import type { Tensor } from '@sparewheel/protocol';

export { EngineError, type EngineErrorCode } from './engine-error.ts';

/** An ONNX model, in memory or in files. */
export type ModelSource =
  | {
      readonly kind: 'bytes';
      readonly graph: Uint8Array;
      /** External data of the graph. `location` is the name in the graph. */
      readonly externalData?: readonly { readonly location: string; readonly data: Uint8Array }[];
    }
  | {
      readonly kind: 'file';
      /** External data files are in the same directory, under their names in the graph. */
      readonly path: string;
      /** Names of the external data files. Only WebAssembly needs them: it has no file system. */
      readonly externalData?: readonly string[];
    };

export interface LoadOptions {
  /**
   * Keeps the weights in their memory-mapped external file instead of copying them to repacked memory. The
   * model then needs 1 × the memory of its weights (shared with the page cache) instead of 2–3 ×, and runs
   * 0–25 % slower. Has no effect on WebAssembly, on models with weights in the graph, or on
   * integer kernels, which need repacked weights.
   */
  readonly mapped?: boolean;
  /** Size of the graph and its weights, if known. Decides in which thread the model starts. */
  readonly bytes?: number;
}

export interface LoadedModel {
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

export interface RunResult {
  readonly fetches: Record<string, Tensor>;
  /** Time in ONNX Runtime, without queueing and thread switches. */
  readonly computeMs: number;
}

/** Runs ONNX models on tensors. Executes one call at a time, in the order of the calls. */
export interface Engine {
  readonly backend: 'native' | 'wasm';
  /**
   * Creates a session under a key. Returns the existing session if the key is loaded, whatever the source.
   * @param source  copied or read; the caller may reuse it
   * @throws {EngineError} `invalid-model`
   */
  load(key: string, source: ModelSource, options?: LoadOptions): Promise<LoadedModel>;
  /**
   * Runs a model.
   * @param feeds  every input of the model, by name; neither mutated nor detached
   * @param fetches  outputs to compute; default all
   * @param into  tensors of the right types and shapes, in the order of `fetches`. The engine may write the outputs to
   *   them and return them
   * @param timeoutMs  the longest run of a model with a Loop. Other models ignore it: their runs end
   * @returns tensors that the caller owns
   * @throws {EngineError} `unknown-model`, `invalid-feed`, `unknown-fetch`, `run-failed`, `timed-out`
   */
  run(
    key: string,
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    into?: readonly Tensor[],
    timeoutMs?: number,
  ): Promise<RunResult>;
  /** Frees a session. Does nothing if the key is not loaded. */
  unload(key: string): Promise<void>;
  /** Finishes accepted calls and frees every session. Later calls reject with `closed`. */
  close(): Promise<void>;
}

export interface EngineOptions {
  /** Default `auto`: native if its binary loads, otherwise wasm. */
  readonly backend?: 'auto' | 'native' | 'wasm';
  /** Threads per operator. Default 1: many devices on one machine share its cores. */
  readonly intraOpNumThreads?: number;
  /** Receives the reason if the native backend is not used. */
  readonly log?: (message: string) => void;
}
