/** Messages between `createWorkerEngine` and its thread. */
import type { Tensor } from '@sparewheel/protocol';
import type { EngineErrorCode, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';

export interface WorkerSettings {
  readonly backend: 'auto' | 'native' | 'wasm';
  readonly intraOpNumThreads: number;
}

export type WorkerCommand =
  | {
      readonly kind: 'load';
      readonly key: string;
      readonly source: ModelSource;
      readonly options: LoadOptions;
    }
  | {
      readonly kind: 'run';
      readonly key: string;
      readonly feeds: Readonly<Record<string, Tensor>>;
      readonly fetches: readonly string[] | undefined;
    }
  | { readonly kind: 'unload'; readonly key: string }
  | { readonly kind: 'close' };

export interface WorkerCall {
  readonly call: number;
  readonly command: WorkerCommand;
}

export type WorkerResult = LoadedModel | RunResult | undefined;

export type WorkerReply =
  | { readonly kind: 'ready'; readonly backend: 'native' | 'wasm' }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'log'; readonly message: string }
  | { readonly kind: 'result'; readonly call: number; readonly result: WorkerResult }
  | {
      readonly kind: 'error';
      readonly call: number;
      readonly code: EngineErrorCode;
      readonly message: string;
    };
