/** Between the data plane and the thread of a load generator. */
import type { LoadRequest, TensorSpec } from '@sparewheel/protocol';
import type { LoadStatus } from './run.ts';

export interface LoadWorkerData {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly inputs: readonly TensorSpec[];
  readonly load: LoadRequest;
  /** For arrivals and random inputs. */
  readonly seed: number;
}

export type ToLoadWorker = { readonly kind: 'stop' };
/** A few times a second, and once more at the end with `running: false`. */
export type FromLoadWorker = { readonly kind: 'status'; readonly status: LoadStatus };
