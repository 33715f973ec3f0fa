import { encodeIntegers } from '@sparewheel/cdc';
import type { CodedStep } from '@sparewheel/planner';
import { describe, expect, it } from 'vitest';
import type { CodedProgramStep } from '../requests/program.ts';
import { assemble } from './assemble.ts';
import { shardCodeOf } from './shard-code.ts';
import { faultInShard } from './validate.ts';

const plan = {
  id: 'step-1',
  dataShards: 3,
  parityShards: 2,
  axis: -1,
  height: 2,
  answers: 'int32',
} as CodedStep;
const code = shardCodeOf(plan);
const outputs = [Int32Array.of(1, -2), Int32Array.of(2 ** 29, 7), Int32Array.of(-(2 ** 29), 0)];
const answers = [...outputs, ...[0, 1].map((row) => encodeIntegers(code.generator, row, outputs))];
const off = (values: Int32Array) => values.with(1, values[1]! + 1);

describe('the code of integer accumulators', () => {
  it('recovers equal values', () => {
    const received = [undefined, answers[1], undefined, answers[3], answers[4]];
    expect(code.reconstruct(received)).toEqual(outputs);
  });

  it('accepts no difference, however small', () => {
    const magnitudes = new Float64Array(5);
    expect(code.verify(answers, magnitudes).consistent).toBe(true);
    for (let shard = 0; shard < 5; shard++) {
      const wrong = answers.with(shard, off(answers[shard]!));
      expect(code.verify(wrong, magnitudes)).toMatchObject({ consistent: false, faultyShards: [shard] });
      expect(code.faultyShards(wrong, outputs)).toEqual([shard]);
    }
    expect(code.faultyShards(answers, outputs)).toEqual([]);
  });

  it('needs int32 answers', () => {
    const step = { id: 'step-1', plan, code } as CodedProgramStep;
    const answer = (tensor: object) =>
      faultInShard(step, { tensors: [{ dims: [1, 2], ...tensor }] } as never, undefined);
    expect(answer({ type: 'int32', data: outputs[0] })).toBe(null);
    expect(answer({ type: 'float32', data: new Float32Array(2) })?.problem).toBe(
      'step step-1: expected type int32, received float32',
    );
    expect(answer({ type: 'int32', data: new Int32Array(3) })?.kind).toBe('malformed');
  });

  it('concatenates without conversion', () => {
    const blocks = [
      { start: 0, rows: 2 },
      { start: 2, rows: 1 },
    ];
    const large = Int32Array.of(2 ** 31 - 1, -(2 ** 31));
    expect(assemble([large, outputs[0]!], [1, 2], -1, blocks)).toEqual({
      type: 'int32',
      dims: [1, 3],
      data: Int32Array.of(2 ** 31 - 1, -(2 ** 31), 1),
    });
  });
});
