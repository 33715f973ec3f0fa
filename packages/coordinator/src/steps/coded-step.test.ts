import type { Answer, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { NonFiniteOutputError } from '../errors.ts';
import type { Policy } from '../policy.ts';
import type { Inference } from '../requests/accepted-request.ts';
import { corrupted, HandRig, type HandRigOptions, settle } from '../testing/index.ts';

const X = [0.5, -1, 2, 0.25];

function rigFor(k: number, r: number, policy: Partial<Policy> = {}, options: HandRigOptions['options'] = {}) {
  // A silent device cannot be mistaken for a slow one here: tests say what happens.
  return HandRig.ready({ k, r, policy, layers: [{ kind: 'coded', inputs: 4, outputs: 5 }], options });
}

/** Starts one request and collects what each device is asked. */
function ask(rig: HandRig) {
  const settled: (Inference | Error)[] = [];
  const promise = rig.coordinator.infer('net', { t0: rig.input(X) });
  promise.then(
    (inference) => settled.push(inference),
    (error: Error) => settled.push(error),
  );
  const devices = rig.network.plan.seats.map(({ seat }) => `d${seat}`);
  const requests = new Map<string, ComputeRequest | undefined>();
  for (const device of devices) requests.set(device, rig.asked(device)[0]);
  return { settled, promise, requests };
}

function expectRight(rig: HandRig, result: Inference | Error | undefined): void {
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

describe('every subset of the answers in every order', () => {
  for (const k of [1, 2, 3, 4]) {
    for (const r of [0, 1, 2]) {
      it(`gives the same right result once, under every policy (k = ${k}, r = ${r})`, async () => {
        for (const waitMs of ['any-k', 10, 'all'] as const) {
          for (const verify of ['before', 'after', 'off'] as const) {
            const rig = await rigFor(k, r, { waitMs, verify }, { refusalsToReload: 1e9 });
            const shards = Array.from({ length: k + r }, (_, shard) => shard);
            for (const subset of orderedSubsets(shards)) {
              const { settled, requests } = ask(rig);
              for (const shard of subset) {
                const request = requests.get(`d${shard}`)!;
                rig.send(`d${shard}`, rig.answerTo(`d${shard}`, request));
              }
              // The others refuse, so that whatever is missing is known to be missing.
              for (const shard of shards.filter((each) => !subset.includes(each))) {
                rig.refuse(`d${shard}`, requests.get(`d${shard}`)!);
              }
              await settle();
              expect(settled.length, `${subset} ${waitMs} ${verify}`).toBe(1);
              expectRight(rig, settled[0]);
              const { recovered, rescued } = settled[0] as Inference;
              const needed = k + (verify === 'before' && r > 0 ? 1 : 0);
              expect(rescued).toBe(Math.max(0, needed - subset.length));
              expect(recovered).toBeLessThanOrEqual(r);
              for (const shard of shards) rig.asked(`d${shard}`);
            }
            expect(rig.eventsOf('device-quarantined')).toEqual([]);
            expect(rig.eventsOf('corruption')).toEqual([]);
          }
        }
      });
    }
  }
});

describe('the waiting threshold', () => {
  it('prefers the data shards until it is over, then decodes from what is in', async () => {
    const rig = await rigFor(3, 1, { waitMs: 10 });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 2, 3])
      rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await rig.clock.advance(9);
    expect(settled).toEqual([]);
    await rig.clock.advance(1);
    expectRight(rig, settled[0]);
    expect(settled[0]).toMatchObject({ recovered: 1, rescued: 0, latencyMs: 10 });
  });

  it('ends early when the last data shard comes, and when it never will', async () => {
    for (const comes of [true, false]) {
      const rig = await rigFor(3, 1, { waitMs: 10 });
      const { settled, requests } = ask(rig);
      for (const shard of [0, 2, 3])
        rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
      await rig.clock.advance(4);
      if (comes) rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
      else rig.disconnect('d1');
      await settle();
      expectRight(rig, settled[0]);
      expect(settled[0]).toMatchObject({ recovered: comes ? 0 : 1, latencyMs: 4 });
    }
  });

  it('decodes with the k-th answer where that comes after it', async () => {
    const rig = await rigFor(3, 1, { waitMs: 10 });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 3]) rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await rig.clock.advance(25);
    expect(settled).toEqual([]);
    rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
    await settle();
    expect(settled[0]).toMatchObject({ recovered: 1, latencyMs: 25 });
  });

  it('"all" waits for a device that says nothing until it counts as silent, then takes the parity', async () => {
    const rig = await rigFor(3, 1, { waitMs: 'all' }, { silentAfterMs: 100 });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 1, 3])
      rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await rig.clock.advance(499);
    expect(settled).toEqual([]);
    // A device that has never answered is given five times the bound.
    await rig.clock.advance(1);
    expectRight(rig, settled[0]);
    expect(settled[0]).toMatchObject({ recovered: 1, rescued: 0 });
    expect(rig.eventsOf('device-silent')).toEqual([{ kind: 'device-silent', device: 'd2' }]);
  });
});

describe('what a device says that cannot be', () => {
  const LIES: [string, (right: Answer) => FromDevice][] = [
    ['NaN', (right) => corrupted(right, Number.NaN)],
    ['an infinity', (right) => corrupted(right, Number.POSITIVE_INFINITY)],
    ['no tensor', (right) => ({ ...right, tensors: [] })],
    ['two tensors', (right) => ({ ...right, tensors: [right.tensors[0]!, right.tensors[0]!] })],
    [
      'another type',
      (right) => ({ ...right, tensors: [{ ...right.tensors[0]!, type: 'int32' }] as Tensor[] }),
    ],
    ['too many rows', (right) => ({ ...right, tensors: [zeros([1, 7])] })],
    ['another rank', (right) => ({ ...right, tensors: [zeros([])] })],
    [
      'a shape that its values do not fill',
      (right) => ({ ...right, tensors: [{ ...right.tensors[0]!, dims: [5, right.tensors[0]!.dims[1]!] }] }),
    ],
  ];
  it.each(LIES)('%s counts as an erasure, and three times as a reason for quarantine', async (_, lie) => {
    const rig = await rigFor(2, 1);
    for (let time = 1; time <= 3; time++) {
      const { settled, requests } = ask(rig);
      rig.send('d0', lie(rig.answerTo('d0', requests.get('d0')!)));
      rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
      rig.send('d2', rig.answerTo('d2', requests.get('d2')!));
      await settle();
      expectRight(rig, settled[0]);
      expect(settled[0]).toMatchObject({ recovered: 1, rescued: 0 });
      expect(rig.eventsOf('device-quarantined').length).toBe(time === 3 ? 1 : 0);
    }
    expect(rig.coordinator.snapshot().devices[0]).toMatchObject({ id: 'd0', state: 'quarantined' });
    expect(rig.eventsOf('device-quarantined')[0]!.reason).toMatch(/step0|values for shape/);
  });

  it('an input whose true output overflows is the caller’s error, and no device is blamed for it', async () => {
    const rig = await rigFor(2, 1, {}, { strikesToQuarantine: 1 });
    rig.local.run = async () => [
      { type: 'float32', dims: [1, 3], data: new Float32Array(3).fill(Number.NaN) },
    ];
    const huge = rig.coordinator.infer('net', { t0: rig.input([3e38, 3e38, 3e38, 3e38]) });
    for (const device of ['d0', 'd1', 'd2']) {
      const [request] = rig.asked(device);
      rig.send(device, corrupted(rig.answerTo(device, request!), Number.POSITIVE_INFINITY));
    }
    await expect(huge).rejects.toBeInstanceOf(NonFiniteOutputError);
    expect(rig.eventsOf('device-quarantined')).toEqual([]);
  });

  it('a shape that nobody has confirmed is settled by computing the layer, and names the liar', async () => {
    for (const liar of [0, 1, 2]) {
      const rig = await rigFor(2, 1);
      const { settled, requests } = ask(rig);
      for (const shard of liar === 0 ? [0, 1, 2] : [liar, 0]) {
        const right = rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!);
        const lie = zeros([4, right.tensors[0]!.dims[1]!]);
        rig.send(`d${shard}`, shard === liar ? { ...right, tensors: [lie] } : right);
      }
      await settle();
      expectRight(rig, settled[0]);
      expect(rig.eventsOf('device-quarantined').map(({ device }) => device)).toEqual([`d${liar}`]);
    }
  });
});

describe('answers that nobody waits for any more', () => {
  it('are late, dropped and counted, and the device is free again', async () => {
    const rig = await rigFor(2, 1, { verify: 'off' });
    const { settled, requests } = ask(rig);
    for (const shard of [0, 2]) rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await settle();
    expectRight(rig, settled[0]);
    expect(rig.coordinator.snapshot().devices[1]).toMatchObject({ inFlight: 1 });
    rig.send('d1', rig.answerTo('d1', requests.get('d1')!));
    const device = rig.coordinator.snapshot().devices[1]!;
    expect(device.inFlight).toBe(0);
    expect(device.statistics).toMatchObject({ answers: 1, late: 1 });
  });

  it('answers to what was never asked are counted, and a flood of them ends in quarantine', async () => {
    const rig = await rigFor(2, 1);
    const { settled, requests } = ask(rig);
    const stolen = rig.answerTo('d0', requests.get('d0')!);
    // Another device's computation: d1 was asked the same request and task, but for its own shard; d9 was not.
    rig.connect('d9');
    rig.send('d9', stolen);
    expect(settled).toEqual([]);
    for (let i = 0; i < 100; i++) rig.send('d9', { ...stolen, request: i + 77 });
    expect(rig.eventsOf('device-quarantined').map(({ device }) => device)).toEqual(['d9']);
    for (const shard of [1, 2]) rig.send(`d${shard}`, rig.answerTo(`d${shard}`, requests.get(`d${shard}`)!));
    await settle();
    expectRight(rig, settled[0]);
  });
});

function zeros(dims: readonly number[]): Tensor {
  return { type: 'float32', dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) };
}
