import { generatorMatrix } from '@sparewheel/cdc';
import { InputPieces, mergeParts, tileRows } from '@sparewheel/coordinator/testing';
import { mergesParts } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import { Random } from '@sparewheel/runtime/random';
import { describe, expect, it } from 'vitest';
import { answers } from './request-record.ts';
import { drawModel, drawPlan } from './scenario.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('the foundations of a simulation', () => {
  it('fires timers in order and runs promises between them', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.schedule(5, () => seen.push(`b ${clock.now()}`));
    clock.schedule(1, () => {
      seen.push(`a ${clock.now()}`);
      clock.touch();
      void Promise.resolve().then(() => seen.push(`promise ${clock.now()}`));
    });
    clock.schedule(5, () => seen.push(`c ${clock.now()}`));
    clock.schedule(3, () => seen.push('never'))();
    await clock.runUntil(10);
    expect(seen).toEqual(['a 1', 'promise 1', 'b 5', 'c 5']);
    expect(clock.now()).toBe(10);
  });

  it('reports a timer that re-arms itself forever', async () => {
    const clock = new VirtualClock();
    const again = () => clock.schedule(0, again);
    again();
    await expect(clock.runUntil(1)).rejects.toThrow('time stands still');
  });

  it('decodes the parity files of every plan to the model (seeds 1 to 40)', () => {
    let integers = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      const model = drawModel(1, random.whole(5, 8), random);
      const plan = drawPlan(model, random);
      const artifacts = model.artifactsFor(plan);
      const data = Float32Array.from({ length: model.width }, () => random.whole(-3, 3));
      const input = { type: 'float32', dims: [1, model.width], data } as const;
      const values = new Map<string, Tensor>();
      values.set('t0', input);
      for (const step of plan.steps) {
        const files = artifacts[step.id]!;
        if (step.kind === 'coded') {
          integers += Number(step.answers === 'int32');
          const feed = values.get(step.feed)!;
          const pieces = step.pieces
            ? new InputPieces(generatorMatrix(step.dataShards, step.parityShards), step.pieces, feed)
            : null;
          const answer = (shard: number) => {
            const [tensor] = model.kernel(files[shard]!)!([pieces ? pieces.piece(shard) : feed]);
            return [...(tensor!.data as Float32Array | Int32Array)];
          };
          const all = step.blocks.map((_, shard) => answer(shard));
          const blocks = step.blocks.map(({ rows }, shard) => all[shard]!.slice(0, rows));
          if (step.parityShards > 0) {
            const sums = all[0]!.map((_, row) => all.reduce((total, values) => total + values[row]!, 0));
            const expected = step.answers === 'int32' ? [...Int32Array.from(sums)] : sums;
            expect(answer(step.dataShards), `seed ${seed}: the first parity is the sum`).toEqual(expected);
          }
          const dims = [1, model.width];
          values.set(
            step.fetch,
            step.answers === 'int32'
              ? { type: 'int32', dims, data: Int32Array.from(blocks.flat()) }
              : { type: 'float32', dims, data: Float32Array.from(blocks.flat()) },
          );
        } else if (step.kind === 'local' && mergesParts(step)) {
          const parts = step.feeds.map((name) => values.get(name)!);
          values.set(step.fetches[0]!, mergeParts(step, parts));
        } else if (step.kind === 'replicated' && step.tile) {
          const [tile] = model.kernel(files[0]!)!([tileRows(step.tile, values.get(step.feeds[0]!)!)]);
          values.set(step.fetches[0]!, tile!);
        } else {
          const outputs = model.kernel(files[0]!)!(step.feeds.map((name) => values.get(name)!));
          for (const [i, name] of step.fetches.entries()) values.set(name, outputs[i]!);
        }
      }
      const name = plan.outputs[0]!.name;
      const record = { models: new Set([model]), input } as never;
      expect(answers(record, { fetches: { [name]: values.get(name)! } } as never), `seed ${seed}`).toBe(true);
      const wrong = (values.get(name)!.data as Float32Array | Int32Array).slice();
      wrong[0]!++;
      const lie = { ...values.get(name)!, data: wrong };
      expect(answers(record, { fetches: { [name]: lie } } as never), `seed ${seed}, off by one`).toBe(false);
    }
    expect(integers, 'coded layers of integers').toBeGreaterThan(0);
  });
});
