/** An inference server on a free port, with a model whose answers a test knows. It needs no coordinator. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Tensor } from '@sparewheel/protocol';
import { Access } from '@sparewheel/runtime/access';
import { CallStatistics } from '../inference/call-statistics.ts';
import type { InferenceBackend, InferenceResult, ServedModel } from '../inference/types.ts';
import { createV2Server } from '../inference/v2-server.ts';

export const HALVES_TOKENS = {
  operatorToken: 'the-operator',
  inferToken: 'the-client',
  joinToken: 'the-agent',
};

export const HALVES: ServedModel = {
  name: 'halves',
  inputs: [
    { name: 'x', type: 'float32', dims: [-1, 3] },
    { name: 'n', type: 'int64', dims: [2] },
    { name: 'mask', type: 'bool', dims: [2] },
  ],
  outputs: [
    { name: 'y', type: 'float32', dims: [-1, 3] },
    { name: 'm', type: 'int64', dims: [2] },
    { name: 'flag', type: 'bool', dims: [2] },
  ],
  state: 'READY',
  reason: '',
  statistics: new CallStatistics(),
};

/** Computes y = x / 2, m = n + 1 and flag = not mask, so that each type is received and sent. */
export function halve(feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const { x, n, mask } = feeds as { x: Tensor<'float32'>; n: Tensor<'int64'>; mask: Tensor<'bool'> };
  return {
    y: { type: 'float32', dims: x.dims, data: x.data.map((value) => value / 2) },
    m: { type: 'int64', dims: n.dims, data: n.data.map((value) => value + 1n) },
    flag: { type: 'bool', dims: mask.dims, data: mask.data.map((value) => 1 - value) },
  };
}

export type Infer = (
  feeds: Readonly<Record<string, Tensor>>,
  signal: AbortSignal,
) => Promise<Record<string, Tensor>>;

export class HalvesServer {
  readonly access = new Access(HALVES_TOKENS);
  /** What the models compute. A test may replace it. */
  infer: Infer = async (feeds) => halve(feeds);
  /** By name. A test may add models. */
  readonly models = new Map<string, ServedModel>([[HALVES.name, HALVES]]);
  readonly internalErrors: unknown[] = [];
  readonly backend: InferenceBackend = {
    model: (name) => this.models.get(name) ?? null,
    models: () => [...this.models.values()],
    ready: () => true,
    infer: async (_name, feeds, { signal }): Promise<InferenceResult> => ({
      outputs: await this.infer(feeds, signal),
      recovered: 1,
      rescued: 2,
      latencyMs: 3.25,
      queuedMs: 0,
    }),
  };
  readonly #app = createV2Server(createServer(), {
    access: this.access,
    version: '9.8.7',
    bodyLimitBytes: 4096,
    onInternalError: (error) => this.internalErrors.push(error),
    backend: this.backend,
  });

  async listen(): Promise<number> {
    await this.#app.listen({ host: '127.0.0.1', port: 0 });
    return (this.#app.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}
