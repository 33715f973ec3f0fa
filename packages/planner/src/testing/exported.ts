import {
  type Attribute,
  type ConstantTensor,
  DATA_TYPE,
  type Graph,
  type Model,
  type Node,
  type ValueInfo,
} from '@sparewheel/onnx';
import { graph, model } from '@sparewheel/onnx/testing';
import { float16Bits } from '@sparewheel/protocol';
import { float16Tensor } from '@sparewheel/runtime/float16-tensor';
import { Tensor } from 'onnxruntime-node';
import { expect } from 'vitest';
import { createPlan } from '../planner.ts';
import { prepareModel } from './run-plans.ts';

const TOLERANCE = 1e-5;

export const int = (name: string, number: number): Attribute => ({
  name,
  kind: 'int',
  value: BigInt(number),
});
export const ints = (name: string, ...list: number[]): Attribute => ({
  name,
  kind: 'ints',
  value: list.map(BigInt),
});
export const real = (name: string, number: number): Attribute => ({ name, kind: 'float', value: number });
export const text = (name: string, string: string): Attribute => ({
  name,
  kind: 'string',
  value: new TextEncoder().encode(string),
});
export const body = (name: string, parts: Partial<Graph>): Attribute => ({
  name,
  kind: 'graph',
  value: graph(parts),
});
export const int64s = (name: string, ...list: number[]): ConstantTensor => ({
  name,
  dims: [list.length],
  dataType: DATA_TYPE.int64,
  storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.from(list, BigInt).buffer) },
});
/** An output without a declared shape. */
export const result = (name: string, dataType: number = DATA_TYPE.float32): ValueInfo => ({
  name,
  type: { kind: 'tensor', dataType },
});

/** Builds a model in opset 17. */
export const exported = (
  inputs: readonly ValueInfo[],
  initializers: readonly ConstantTensor[],
  nodes: readonly Node[],
  outputs: readonly ValueInfo[],
): Model => model({ inputs, initializers, nodes, outputs });

/**
 * Divides a model over 2 + 1 and 3 + 2 seats, and expects the outputs of plain ONNX Runtime on the undivided
 * model, healthy and with each seat dead.
 * @param distributed  the number of layers that must be divided over 2 + 1
 */
export async function expectSameDivided(undivided: Model, distributed: number): Promise<void> {
  const prepared = await prepareModel(undivided);
  const feeds = feedsFor(undivided);
  const expected = await prepared.expected(feeds);
  for (const [k, r] of [
    [2, 1],
    [3, 2],
  ] as const) {
    const plan = createPlan(prepared.profile, { k, r, strategy: 'coded', layers: 'all' });
    if (k === 2) expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(distributed);
    const deadSets = plan.seats.map(({ seat }) => [seat]);
    for (const outputs of await prepared.run(plan, feeds, [[], ...deadSets])) {
      for (const [name, tensor] of Object.entries(expected)) {
        expect(outputs[name]!.dims).toEqual(tensor.dims);
        const [found, wanted] = [numbers(outputs[name]!), numbers(tensor)];
        const largest = Math.max(...wanted.map(Math.abs));
        const errors = wanted.map((number, i) => Math.abs(found[i]! - number));
        expect(Math.max(...errors), name).toBeLessThanOrEqual(TOLERANCE * largest);
      }
    }
  }
  prepared.release();
}

const numbers = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number>, Number);

/** Returns a feed for every input: sines, also as float16, or true for bool. */
export function feedsFor({ graph: { inputs } }: Model): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of inputs) {
    if (type?.kind !== 'tensor') continue;
    const dims = type.dims as number[];
    const count = dims.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));
    if (type.dataType === DATA_TYPE.bool) {
      feeds[name] = new Tensor('bool', new Uint8Array(count).fill(1), dims);
    } else if (type.dataType === DATA_TYPE.float16) {
      feeds[name] = float16Tensor(Tensor, Uint16Array.from(values, float16Bits), dims);
    } else feeds[name] = new Tensor('float32', values, dims);
  }
  return feeds;
}
