import type { Answer, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../policy.ts';
import type { Inference } from '../requests/accepted-request.ts';
import {
  corrupted,
  ManualRig,
  type ManualRigOptions,
  type SyntheticLayer,
  settle,
} from '../testing/index.ts';

const X = [0.5, -1, 2, 0.25];

/** One layer by what it divides. */
const DIVIDED = {
  weights: { kind: 'coded', inputs: 4, outputs: 5 },
  inputs: { kind: 'convolution', width: 4 },
} as const satisfies Record<string, SyntheticLayer>;

function rigFor(
  k: number,
  r: number,
  policy: Partial<Policy> = {},
  options: ManualRigOptions['options'] = {},
  layer: SyntheticLayer = DIVIDED.weights,
) {
  return ManualRig.ready({ k, r, policy, layers: [layer], options });
}

/** Starts one request and collects the computation sent to each device. */
function ask(rig: ManualRig) {
  const settled: (Inference | Error)[] = [];
  const promise = rig.coordinator.infer('net', { t0: rig.input(X) });
  promise.then(
    (inference) => settled.push(inference),
    (error: Error) => settled.push(error),
  );
  const devices = rig.network.plan.seats.map(({ seat }) => `d${seat}`);
  const requests = new Map<string, ComputeRequest | undefined>();
  for (const device of devices) requests.set(device, rig.takeComputations(device)[0]);
  return { settled, promise, requests };
}

function expectCorrect(rig: ManualRig, result: Inference | Error | undefined): void {
  if (result === undefined || result instanceof Error) throw result ?? new Error('not settled');
  const expected = rig.network.reference(rig.input(X)).data;
  const got = result.fetches.t1!.data as Float32Array;
  for (const [i, value] of expected.entries()) {
    if (!(Math.abs(value - got[i]!) < 1e-5)) expect([...got]).toEqual([...expected]);
  }
}

function* orderedSubsets(items: readonly number[]): Generator<number[]> {
  yield [];
  for (const item of items) {
    for (const rest of orderedSubsets(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}

describe.each(Object.entries(DIVIDED))(
  'every ordered subset of the answers, with divided %s,',
  (_, layer) => {
    for (const k of [1, 2, 3, 4]) {
      for (const r of [0, 1, 2]) {
        it(`gives the correct result exactly once under every policy (k = ${k}, r = ${r})`, async () => {
          for (const waitMs of ['any-k', 10, 'all'] as const) {
            for (const verify of ['before', 'after', 'off'] as const) {
              const rig = await rigFor(k, r, { waitMs, verify }, { refusalsToReload: 1e9 }, layer);
              const shards = Array.from({ length: k + r }, (_, shard) => shard);
              for (const subset of orderedSubsets(shards)) {
                const { settled, requests } = ask(rig);
                for (const shard of subset) {
                  const request = requests.get(`d${shard}`)!;
                  rig.send(`d${shard}`, rig.answerTo(`d${shard}`, request));
                }
                // The other devices refuse, so that their shards are known to be missing.
                for (const shard of shards.filter((each) => !subset.includes(each))) {
                  rig.refuse(`d${shard}`, requests.get(`d${shard}`)!);
                }
                await settle();
                expect(settled.length, `${subset} ${waitMs} ${verify}`).toBe(1);
                expectCorrect(rig, settled[0]);
                const { recovered, rescued } = settled[0] as Inference;
                const needed = k + (verify === 'before' && r > 0 ? 1 : 0);
                expect(rescued).toBe(Math.max(0, needed - subset.length));
                expect(recovered).toBeLessThanOrEqual(r);
                for (const shard of shards) rig.takeComputations(`d${shard}`);
              }
              expect(rig.eventsOf('device-quarantined')).toEqual([]);
              expect(rig.eventsOf('corruption')).toEqual([]);
            }
          }
        });
      }
    }
  },
);

describe('the waiting threshold', () => {
  it('waits for the data shards until it has passed, then decodes from the answers that are in', async () => {
    const rig = await rigFor(3, 1, { waitMs: 10 });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 2, 3])
      rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await rig.clock.advance(9);
    expect(settled).toEqual([]);
    await rig.clock.advance(1);
    expectCorrect(rig, settled[0]);
    expect(settled[0]).toMatchObject({ recovered: 1, rescued: 0, latencyMs: 10 });
  });

  it('ends early when the last data shard comes or is erased', async () => {
    for (const answered of [true, false]) {
      const rig = await rigFor(3, 1, { waitMs: 10 });
      const { settled, requests } = ask(rig);
      for (const shard of [0, 2, 3])
        rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
      await rig.clock.advance(4);
      if (answered) rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
      else rig.disconnect('d1');
      await settle();
      expectCorrect(rig, settled[0]);
      expect(settled[0]).toMatchObject({ recovered: answered ? 0 : 1, latencyMs: 4 });
    }
  });

  it('decodes with the k-th answer if that comes after the threshold', async () => {
    const rig = await rigFor(3, 1, { waitMs: 10 });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 3]) rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await rig.clock.advance(25);
    expect(settled).toEqual([]);
    rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
    await settle();
    expect(settled[0]).toMatchObject({ recovered: 1, latencyMs: 25 });
  });

  it('waits under "all" until a device counts as silent, then decodes with the parity', async () => {
    const rig = await rigFor(3, 1, { waitMs: 'all' }, { silentAfterMs: 100 });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 1, 3])
      rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await rig.clock.advance(499);
    expect(settled).toEqual([]);
    // A device that has never answered gets five times the silence timeout.
    await rig.clock.advance(1);
    expectCorrect(rig, settled[0]);
    expect(settled[0]).toMatchObject({ recovered: 1, rescued: 0 });
    expect(rig.eventsOf('device-silent')).toEqual([{ kind: 'device-silent', device: 'd2' }]);
  });
});

describe('an invalid answer', () => {
  const INVALID: [string, (correct: Answer) => FromDevice][] = [
    ['NaN', (correct) => corrupted(correct, Number.NaN)],
    ['an infinity', (correct) => corrupted(correct, Number.POSITIVE_INFINITY)],
    ['no tensor', (correct) => ({ ...correct, tensors: [] })],
    ['two tensors', (correct) => ({ ...correct, tensors: [correct.tensors[0]!, correct.tensors[0]!] })],
    [
      'another type',
      (correct) => ({ ...correct, tensors: [{ ...correct.tensors[0]!, type: 'int32' }] as Tensor[] }),
    ],
    ['too many rows', (correct) => ({ ...correct, tensors: [zeros([1, 7])] })],
    ['another rank', (correct) => ({ ...correct, tensors: [zeros([])] })],
    [
      'a shape with another number of values',
      (correct) => ({
        ...correct,
        tensors: [{ ...correct.tensors[0]!, dims: [5, correct.tensors[0]!.dims[1]!] }],
      }),
    ],
  ];
  it.each(INVALID)(
    'with %s is an erasure, and the third one quarantines the device',
    async (_, invalidate) => {
      const rig = await rigFor(2, 1);
      for (let time = 1; time <= 3; time++) {
        const { settled, requests } = ask(rig);
        rig.send('d0', invalidate(rig.answerTo('d0', requests.get('d0')!)));
        rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
        rig.send('d2', rig.answerTo('d2', requests.get('d2')!));
        await settle();
        expectCorrect(rig, settled[0]);
        expect(settled[0]).toMatchObject({ recovered: 1, rescued: 0 });
        expect(rig.eventsOf('device-quarantined').length).toBe(time === 3 ? 1 : 0);
      }
      expect(rig.coordinator.snapshot().devices[0]).toMatchObject({ id: 'd0', state: 'quarantined' });
      expect(rig.eventsOf('device-quarantined')[0]!.reason).toMatch(/step0|values for shape/);
    },
  );

  it('is the right one if the true output overflows, and no device is quarantined', async () => {
    const rig = await rigFor(2, 1, {}, { strikesToQuarantine: 1 });
    rig.local.run = async () => [
      { type: 'float32', dims: [1, 3], data: new Float32Array(3).fill(Number.NaN) },
    ];
    const huge = rig.coordinator.infer('net', { t0: rig.input([3e38, 3e38, 3e38, 3e38]) });
    for (const device of ['d0', 'd1', 'd2']) {
      const [request] = rig.takeComputations(device);
      rig.send(device, corrupted(rig.answerTo(device, request!), Number.POSITIVE_INFINITY));
    }
    const { fetches } = await huge;
    expect([...(fetches.t1!.data as Float32Array)]).toEqual(Array(5).fill(Number.NaN));
    expect(rig.eventsOf('device-quarantined')).toEqual([]);
  });

  it('with another shape, before a shape is verified, is found by comparing with the reference', async () => {
    for (const faulty of [0, 1, 2]) {
      const rig = await rigFor(2, 1);
      const { settled, requests } = ask(rig);
      for (const shard of faulty === 0 ? [0, 1, 2] : [faulty, 0]) {
        const correct = rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!);
        const wrongShape = zeros([4, correct.tensors[0]!.dims[1]!]);
        rig.send(`d${shard}`, shard === faulty ? { ...correct, tensors: [wrongShape] } : correct);
      }
      await settle();
      expectCorrect(rig, settled[0]);
      expect(rig.eventsOf('device-quarantined').map(({ device }) => device)).toEqual([`d${faulty}`]);
    }
  });
});

describe('answers that are not needed', () => {
  it('are dropped and counted as late, and free the device', async () => {
    const rig = await rigFor(2, 1, { verify: 'off' });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 2]) rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await settle();
    expectCorrect(rig, settled[0]);
    expect(rig.coordinator.snapshot().devices[1]).toMatchObject({ inFlight: 1 });
    rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
    const device = rig.coordinator.snapshot().devices[1]!;
    expect(device.inFlight).toBe(0);
    expect(device.statistics).toMatchObject({ answers: 1, late: 1 });
  });

  it('are ignored if they are unsolicited, and many of them quarantine the device', async () => {
    const rig = await rigFor(2, 1);
    const { settled, requests } = ask(rig);
    const unsolicited = rig.answerTo('d0', requests.get('d0')!);
    // This computation was sent to d0. Nothing was sent to d9.
    rig.connect('d9');
    rig.send('d9', unsolicited);
    expect(settled).toEqual([]);
    for (let i = 0; i < 100; i++) rig.send('d9', { ...unsolicited, request: i + 77 });
    expect(rig.eventsOf('device-quarantined').map(({ device }) => device)).toEqual(['d9']);
    for (const shard of [1, 2]) rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await settle();
    expectCorrect(rig, settled[0]);
  });
});

function zeros(dims: readonly number[]): Tensor {
  return { type: 'float32', dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) };
}
