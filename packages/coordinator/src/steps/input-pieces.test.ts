import { createDecoder, generatorMatrix } from '@sparewheel/cdc';
import type { InputPiecesPlan } from '@sparewheel/planner';
import { describe, expect, it } from 'vitest';
import { LocalComputeError } from '../errors.ts';
import type { Inference } from '../requests/accepted-request.ts';
import { corrupted, ManualRig, readyRig, settle } from '../testing/index.ts';
import { InputPieces } from './input-pieces.ts';

/** Five rows on axis 2 in pieces of three: rows −1 to 1 and 2 to 4. */
const PLAN: InputPiecesPlan = { axis: 2, inputRows: 5, rows: 3, starts: [-1, 2] };
const input = {
  type: 'float32',
  dims: [1, 2, 5, 1],
  data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
} as const;

describe('the pieces of an input', () => {
  const pieces = new InputPieces(generatorMatrix(2, 2), PLAN, input);

  it('are ranges of rows with zeros outside the input, and their weighted sums', () => {
    const made: [number, number[]][] = [];
    pieces.each([0, 1, 2, 3], ({ dims, data }, index) => {
      expect(dims).toEqual([1, 2, 3, 1]);
      made.push([index, [...data]]);
    });
    expect(made.slice(0, 3)).toEqual([
      [0, [0, 1, 2, 0, 6, 7]],
      [1, [3, 4, 5, 8, 9, 10]],
      [2, [3, 5, 7, 8, 15, 17]],
    ]);
    const answers = made.map(([, data]) => Float32Array.from(data));
    const decoded = createDecoder(generatorMatrix(2, 2)).reconstruct([
      undefined,
      undefined,
      ...answers.slice(2),
    ]);
    for (const [shard, data] of decoded.entries()) {
      for (const [i, value] of data.entries()) expect(value).toBeCloseTo(answers[shard]![i]!, 4);
    }
  });

  it('are the same for any subset of the shards, and one by one', () => {
    for (const shards of [[], [1], [0, 3], [2], [3], [1, 2, 3]]) {
      const made: number[] = [];
      pieces.each(shards, (piece, index) => {
        made.push(index);
        expect(piece).toEqual(pieces.piece(shards[index]!));
      });
      expect(made).toEqual(shards.map((_, index) => index));
    }
  });

  it('keep values that are not finite', () => {
    const data = input.data.with(1, Number.NaN);
    const poisoned = new InputPieces(generatorMatrix(2, 1), PLAN, { ...input, data });
    expect([...poisoned.piece(2).data].filter(Number.isNaN)).toHaveLength(1);
  });

  it('do not exist for an input with another number of rows or another type', () => {
    const other = { ...input, dims: [1, 1, 10, 1] };
    expect(new InputPieces(generatorMatrix(2, 1), PLAN, other).problem).toMatch(/5 float32 rows on axis 2/);
    const integers = { type: 'int32', dims: input.dims, data: new Int32Array(10) } as const;
    expect(new InputPieces(generatorMatrix(2, 1), PLAN, integers).problem).toMatch(/the input is int32/);
    expect(pieces.problem).toBeNull();
  });
});

describe('a step that divides its input', () => {
  const convolution = { kind: 'convolution', width: 6 } as const;

  it('sends each device its own piece, and rescues missing shards from the whole input', async () => {
    const rig = await ManualRig.ready({ k: 3, r: 1, layers: [convolution] });
    rig.disconnect('d1');
    const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3, 4, 5, 6]) });
    const sent = ['d0', 'd2', 'd3'].map((device) => rig.takeComputations(device)[0]!.tensors[0]!);
    expect(sent.map(({ dims, data }) => [dims, [...data]])).toEqual([
      [
        [1, 4],
        [0, 1, 2, 3],
      ],
      [
        [1, 4],
        [4, 5, 6, 0],
      ],
      [
        [1, 4],
        [6, 9, 12, 8],
      ],
    ]);
    for (const device of ['d0', 'd2', 'd3']) rig.disconnect(device);
    const { fetches, rescued } = await answer;
    expect(rescued).toBe(3);
    const expected = rig.network.reference(rig.input([1, 2, 3, 4, 5, 6])).data;
    for (const [i, value] of fetches.t1!.data.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  it('replaces a lost data shard on the standby, which holds the same file as every data shard', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1, layers: [convolution] });
    const file = rig.network.artifacts.step0![0]!;
    expect(rig.network.artifacts.step0![1]).toEqual(file);
    rig.fleet.device('d3').blobs.add(file.graph.sha256);
    rig.fleet.kill('d1');
    await rig.clock.runUntil(() => rig.coordinator.snapshot().deployments[0]!.state === 'ready');
    expect(rig.fleet.device('d3').transferredBytes).toBe(0);
    const input = rig.input();
    const inference: Inference = await rig.clock.run(rig.coordinator.infer('net', { t0: input }));
    expect(inference).toMatchObject({ rescued: 0, recovered: 0 });
    const expected = rig.network.reference(input).data;
    for (const [i, value] of inference.fetches.t1!.data.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  it('does not quarantine a device for the answer to a sum of pieces that overflows', async () => {
    for (const overflows of [true, false]) {
      const options = { strikesToQuarantine: 1 };
      const rig = await ManualRig.ready({ k: 2, r: 1, layers: [{ kind: 'convolution', width: 4 }], options });
      const values = overflows ? [3e38, 0, 3e38, 0] : [3, 0, 3, 0];
      const answer = rig.coordinator.infer('net', { t0: rig.input(values) });
      for (const device of ['d0', 'd1']) rig.answerAll(device);
      expect(await answer).toMatchObject({ recovered: 0, rescued: 0 });
      const [request] = rig.takeComputations('d2');
      expect(request!.tensors[0]!.data.includes(Number.POSITIVE_INFINITY as never)).toBe(overflows);
      rig.send('d2', corrupted(rig.answerTo('d2', request!), Number.NaN));
      await settle();
      expect(rig.eventsOf('device-quarantined')).toHaveLength(overflows ? 0 : 1);
    }
  });

  it('fails a request whose input does not fit the plan', async () => {
    const rig = await ManualRig.ready({ k: 2, r: 1, layers: [{ kind: 'local' }, convolution] });
    rig.local.run = async () => [rig.input([1, 2, 3])];
    const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3, 4, 5, 6]) });
    await expect(answer).rejects.toBeInstanceOf(LocalComputeError);
    await expect(answer).rejects.toThrow(/divides 6 float32 rows/);
    await settle();
    expect(rig.coordinator.snapshot().deployments[0]!.inFlight).toBe(0);
  });
});
