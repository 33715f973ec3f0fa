import { describe, expect, it } from 'vitest';
import { LocalComputeError } from '../errors.ts';
import { settle } from '../testing/fake-clock.ts';
import { type Rig, type RigOptions, readyRig } from '../testing/index.ts';
import { ManualRig } from '../testing/manual-rig.ts';
import { BackupHold } from './backup-hold.ts';
import { addSlices, joinTiles, tileProblem, tileRows } from './parts.ts';

const TILES: RigOptions = {
  k: 3,
  r: 1,
  layers: [{ kind: 'tiled', width: 10 }, { kind: 'local' }, { kind: 'tiled', width: 10 }],
};
const SLICES: RigOptions = {
  k: 3,
  r: 1,
  layers: [
    { kind: 'sliced', width: 6, hidden: 10 },
    { kind: 'local' },
    { kind: 'sliced', width: 6, hidden: 10 },
  ],
};
const BACKUP = 'd3';

async function expectCorrect(rig: Rig, batch = 1) {
  const input = rig.input(batch);
  const inference = await rig.clock.run(rig.coordinator.infer('net', { t0: input }));
  const expected = rig.network.reference(input).data;
  const { data } = inference.fetches.t3!;
  expect(data).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 4);
  return inference;
}

const computedBy = ({ fleet }: Rig, device: string) => fleet.device(device).computed.length;

/** A rig whose holds are learned. */
async function experienced(options: RigOptions): Promise<Rig> {
  const rig = await readyRig(options);
  for (let request = 0; request < 10; request++) await expectCorrect(rig);
  return rig;
}

describe.each([
  ['tiles', TILES],
  ['slices', SLICES],
])('a step in %s', (_, NETWORK) => {
  it('gives the output of the undivided network, also for a batch', async () => {
    const rig = await readyRig(NETWORK);
    for (const batch of [1, 2, 5]) await expectCorrect(rig, batch);
  });

  it('asks a backup only until it knows how long the first device takes', async () => {
    const rig = await experienced(NETWORK);
    const before = computedBy(rig, BACKUP);
    expect(before).toBeGreaterThan(0);
    for (let request = 0; request < 10; request++) await expectCorrect(rig);
    expect(computedBy(rig, BACKUP)).toBe(before);
  });

  it('answers without a rescue and without delay if a device is known to be dead', async () => {
    for (const victim of ['d0', 'd1', 'd2', 'd3']) {
      const rig = await experienced(NETWORK);
      const { latencyMs } = await expectCorrect(rig);
      rig.fleet.kill(victim);
      expect(await expectCorrect(rig)).toMatchObject({ rescued: 0, latencyMs });
    }
  });

  it('asks the backup after the hold if a device fails unnoticed', async () => {
    const rig = await experienced(NETWORK);
    const { latencyMs } = await expectCorrect(rig);
    rig.fleet.kill('d1', 10_000);
    const late = await expectCorrect(rig);
    expect(late.rescued).toBe(0);
    expect(late.latencyMs).toBeGreaterThan(latencyMs);
    // Two steps, each with a hold of twice the median of 3 ms, and the backup's own time.
    expect(late.latencyMs).toBeLessThanOrEqual(latencyMs + 2 * (2 * 3 + 1));
  });

  it('does not learn a longer hold from a device that stays slow', async () => {
    const rig = await experienced(NETWORK);
    const { latencyMs } = await expectCorrect(rig);
    rig.fleet.device('d1').behavior.computeMs = 200;
    for (let request = 0; request < 100; request++) {
      const late = await expectCorrect(rig);
      expect(late.rescued).toBe(0);
      expect(late.latencyMs).toBeLessThanOrEqual(latencyMs + 2 * (2 * 3 + 1));
    }
  });

  it('asks a backup that was at its cap as soon as it has capacity', async () => {
    const rig = await ManualRig.ready({
      k: 3,
      r: 1,
      layers: [{ kind: 'tiled', width: 10 }],
      options: { inFlightPerDevice: 3 },
    });
    const t0 = rig.input(Array.from({ length: 10 }, (_, i) => i));
    const ended: number[] = [];
    for (const request of [1, 2]) {
      void rig.coordinator.infer('net', { t0 }).then(() => ended.push(request));
    }
    await rig.clock.advance(0);
    const first = rig.takeComputations(BACKUP);
    expect(first.map(({ request }) => request)).toEqual([1, 1, 1]);
    for (const computation of first) rig.send(BACKUP, rig.answerTo(BACKUP, computation));
    await settle();
    expect(ended).toEqual([1]);
    const second = rig.takeComputations(BACKUP);
    expect(second.map(({ request }) => request)).toEqual([2, 2, 2]);
    for (const computation of second) rig.send(BACKUP, rig.answerTo(BACKUP, computation));
    await settle();
    expect(ended).toEqual([1, 2]);
  });

  it('is rescued by the data plane if all devices of a tile are dead', async () => {
    const rig = await experienced(NETWORK);
    rig.fleet.kill('d1');
    rig.fleet.kill(BACKUP);
    expect((await expectCorrect(rig)).rescued).toBe(2);
  });

  it('compares a tile with its backup under verify "before"', async () => {
    const rig = await experienced({ ...NETWORK, policy: { verify: 'before' } });
    rig.fleet.device('d0').behavior.tamper = (message) => {
      if (message.kind !== 'answer') return message;
      const [tensor] = message.tensors;
      const data = (tensor!.data as Float32Array).map((value) => value + 1);
      return { ...message, tensors: [{ ...tensor!, data } as typeof tensor & object] };
    };
    await expectCorrect(rig);
    expect(rig.events).toContainEqual(expect.objectContaining({ kind: 'corruption', faultyDevices: ['d0'] }));
  });
});

describe('a step whose parts do not fit', () => {
  it('fails with the reason if the image has other rows than the plan', async () => {
    const rig = await readyRig(TILES);
    const { plan, artifacts } = rig.network;
    const inputs = plan.inputs.map((spec) => ({ ...spec, dims: [-1, -1] }));
    rig.coordinator.deploy({
      name: 'other',
      plan: { ...plan, inputs },
      artifacts,
      policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 1_000 },
      seats: ['d0', 'd1', 'd2', 'd3'],
    });
    await rig.clock.advance(100);
    const t0 = { type: 'float32', dims: [1, 9], data: new Float32Array(9) } as const;
    const error = await rig.clock.run(
      rig.coordinator.infer('other', { t0 }).catch((cause: unknown) => cause),
    );
    expect(error).toBeInstanceOf(LocalComputeError);
    expect((error as Error).message).toContain('the plan divides 10 rows');
  });

  it('fails with the reason if two slices have different shapes', async () => {
    const rig = await experienced(SLICES);
    rig.fleet.device('d0').behavior.tamper = (message) => {
      if (message.kind !== 'answer') return message;
      const [tensor] = message.tensors;
      const data = new Float32Array(12);
      return { ...message, tensors: [{ ...tensor!, dims: [2, 6], data } as typeof tensor & object] };
    };
    const inference = rig.coordinator.infer('net', { t0: rig.input(1) }).catch((cause: unknown) => cause);
    const error = await rig.clock.run(inference);
    expect(error).toBeInstanceOf(LocalComputeError);
    expect((error as Error).message).toContain('cannot be added');
  });
});

describe('the sum of slices', () => {
  const slice = (...values: number[]) =>
    ({ type: 'float32', dims: [1, values.length], data: Float32Array.from(values) }) as const;

  it('adds all of them, and leaves them as they are', () => {
    const slices = [slice(1, 2), slice(10, 20), slice(100, 200)];
    expect(addSlices(slices)).toEqual(slice(111, 222));
    expect(slices[0]).toEqual(slice(1, 2));
  });

  it('is refused for different shapes', () => {
    expect(() => addSlices([slice(1, 2), slice(1)])).toThrow('[1, 2] and float32 [1, 1] cannot be added');
  });
});

describe('rows of an image', () => {
  const image = {
    type: 'float32',
    dims: [2, 2, 3, 2],
    data: Float32Array.from({ length: 24 }, (_, i) => i),
  } as const;
  const tile = (from: number, to: number) =>
    ({ axis: 2, inputRows: 3, input: { from, to } }) as Parameters<typeof tileRows>[0];

  it('are copied from every channel', () => {
    expect(tileRows(tile(1, 2), image)).toEqual({
      type: 'float32',
      dims: [2, 2, 1, 2],
      data: Float32Array.of(2, 3, 8, 9, 14, 15, 20, 21),
    });
  });

  it('give the image again when they are joined', () => {
    for (const cut of [1, 2]) {
      expect(joinTiles([tileRows(tile(0, cut), image), tileRows(tile(cut, 3), image)], 2)).toEqual(image);
    }
  });

  it('are refused from an image of another height', () => {
    expect(tileProblem({ ...tile(0, 1), inputRows: 4 }, image)).toContain('4 rows on axis 2');
  });
});

describe('the hold of a backup', () => {
  it('is twice the median of the observed times, and 0 before it knows them', () => {
    const hold = new BackupHold();
    for (let i = 0; i < 7; i++) hold.observe(10);
    expect(hold.holdMs).toBe(0);
    hold.observe(10);
    expect(hold.holdMs).toBe(21);
  });

  it('does not grow with late answers, as long as they are few', () => {
    const hold = new BackupHold();
    for (let i = 0; i < 20; i++) hold.observe(10);
    for (let i = 0; i < 12; i++) hold.observe(500);
    expect(hold.holdMs).toBe(21);
  });

  it('is that of the typical tile for a tile whose device is slow', () => {
    const segment: BackupHold[] = [];
    const holds = [10, 12, 200, 14].map((ms) => {
      const hold = new BackupHold(segment);
      for (let i = 0; i < 8; i++) hold.observe(ms);
      return hold;
    });
    expect(holds.map(({ holdMs }) => holdMs)).toEqual([21, 25, 25, 25]);
    expect(new BackupHold(segment).holdMs).toBe(0);
  });

  it('follows a fleet that has become slower, up to a bound', () => {
    const hold = new BackupHold();
    for (let i = 0; i < 20; i++) hold.observe(10);
    for (let i = 0; i < 40; i++) hold.observe(30);
    expect(hold.holdMs).toBe(61);
    for (let i = 0; i < 40; i++) hold.observe(5_000);
    expect(hold.holdMs).toBe(1_000);
  });
});
