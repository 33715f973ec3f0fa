import { describe, expect, it } from 'vitest';
import type { Policy } from '../policy.ts';
import { ManualRig, settle } from '../testing/index.ts';
import { type RequestArrivals, replayArrivals } from './arrivals.ts';
import type { Program } from './program.ts';
import type { ShardTrace, StepTrace } from './trace.ts';

const CODED = { kind: 'coded', inputs: 4, outputs: 4 } as const;

function rigFor(policy: Partial<Policy> = {}, layers = 1) {
  // No sampled requests, unless a test asks for them.
  const options = { sampleEvery: 1e9 };
  return ManualRig.ready({ k: 3, r: 1, policy, layers: new Array(layers).fill(CODED), options });
}

/** Runs one layer: the devices answer in this order, at these times after the scatter. */
async function answerAt(rig: ManualRig, times: readonly (readonly [device: string, atMs: number])[]) {
  const requests = new Map(times.map(([id]) => [id, rig.takeComputations(id)[0]!]));
  let now = 0;
  for (const [device, atMs] of times) {
    await rig.clock.advance(atMs - now);
    now = atMs;
    rig.send(device, rig.answerTo(device, requests.get(device)!));
    await settle();
  }
}

function replayed(rig: ManualRig): RequestArrivals[] {
  return rig.eventsOf('request-settled').map(({ settled }) => replayArrivals(settled));
}

const infer = (rig: ManualRig) => rig.coordinator.infer('net', { t0: rig.input([1, 2, 3, 4]) });

describe('replaying arrivals under two rules', () => {
  it('waits for the surplus, then gives both latencies and names the straggler', async () => {
    const rig = await rigFor();
    void infer(rig);
    const [surplus] = rig.takeComputations('d2');
    await answerAt(rig, [
      ['d0', 1],
      ['d3', 2],
      ['d1', 4],
    ]);
    expect(replayed(rig)).toEqual([]);
    await rig.clock.advance(5);
    rig.send('d2', rig.answerTo('d2', surplus!));
    expect(replayed(rig)).toEqual([
      {
        measuredMs: 4,
        anyKMs: 4,
        allDataMs: 9,
        missing: null,
        failedSeats: 0,
        survivedFailure: false,
        sampled: false,
        shards: [
          { device: 'd0', role: 'data', arrivalMs: 1, calledOff: false, late: false, last: false },
          { device: 'd1', role: 'data', arrivalMs: 4, calledOff: false, late: false, last: false },
          { device: 'd2', role: 'data', arrivalMs: 9, calledOff: false, late: true, last: true },
          { device: 'd3', role: 'parity', arrivalMs: 2, calledOff: false, late: false, last: false },
        ],
      },
    ]);
  });

  it('adds up the delays over a chain of layers', async () => {
    const rig = await rigFor({}, 2);
    void infer(rig);
    const [surplus] = rig.takeComputations('d2');
    await answerAt(rig, [
      ['d0', 1],
      ['d1', 2],
      ['d3', 4],
    ]);
    // The second layer is scattered at 4 ms. The answer of d2 to the first layer comes at 10 ms.
    await answerAt(rig, [
      ['d0', 1],
      ['d1', 2],
      ['d3', 5],
    ]);
    await rig.clock.advance(1);
    rig.send('d2', rig.answerTo('d2', surplus!));
    expect(replayed(rig)).toEqual([]);
    await rig.clock.advance(2);
    rig.answerAll('d2');
    // Uncoded, the first layer takes 10 ms instead of 4 and the second one 8 instead of 5.
    expect(replayed(rig)).toMatchObject([{ measuredMs: 9, anyKMs: 9, allDataMs: 18, missing: null }]);
  });

  it('measures the latency of an uncoded system under "all", and any k is earlier', async () => {
    const rig = await rigFor({ waitMs: 'all' });
    void infer(rig);
    await answerAt(rig, [
      ['d0', 1],
      ['d3', 2],
      ['d1', 4],
      ['d2', 9],
    ]);
    expect(replayed(rig)).toMatchObject([{ measuredMs: 9, anyKMs: 4, allDataMs: 9, missing: null }]);
  });
});

describe('a missing answer', () => {
  it('is called off if the surplus is not needed, and its time is not estimated', async () => {
    const rig = await rigFor({ verify: 'off' });
    // The last uncanceled computation on a device is never canceled, so two requests are needed.
    void infer(rig);
    void infer(rig);
    for (const device of ['d0', 'd1', 'd3']) {
      await rig.clock.advance(1);
      rig.answerAll(device);
      await settle();
    }
    const both = replayed(rig);
    expect(both).toHaveLength(2);
    for (const { measuredMs, allDataMs, missing, shards } of both) {
      expect({ measuredMs, allDataMs, missing }).toEqual({
        measuredMs: 3,
        allDataMs: null,
        missing: 'called-off',
      });
      expect(shards[2]).toMatchObject({ device: 'd2', arrivalMs: null, calledOff: true, late: true });
    }
  });

  it('is called off if the device was at its cap and was sent nothing', async () => {
    const rig = await ManualRig.ready({
      k: 3,
      r: 1,
      layers: [CODED],
      options: { inFlightPerDevice: 1, sampleEvery: 1e9 },
    });
    for (let request = 0; request < 2; request++) {
      void infer(rig);
      for (const device of ['d0', 'd1', 'd3']) rig.answerAll(device);
      await settle();
    }
    const [, second] = replayed(rig);
    expect(rig.takeComputations('d2')).toHaveLength(1);
    expect(second).toMatchObject({ allDataMs: null, missing: 'called-off' });
    expect(second!.shards.map(({ device }) => device)).toEqual(['d0', 'd1', 'd3']);
  });

  it('is called off if verification ended early, and unanswered if verification timed out', async () => {
    for (const endedEarly of [true, false]) {
      const rig = await ManualRig.ready({
        k: 3,
        r: 1,
        layers: [CODED],
        options: { pendingVerifications: endedEarly ? 1 : 8, silentAfterMs: 60_000, sampleEvery: 1e9 },
      });
      for (let request = 0; request < 2; request++) {
        void infer(rig);
        for (const device of ['d0', 'd1', 'd3']) rig.answerAll(device);
        await settle();
      }
      if (!endedEarly) await rig.clock.advance(2_500);
      expect(replayed(rig)[0]).toMatchObject({ missing: endedEarly ? 'called-off' : 'unanswered' });
    }
  });

  it('is unanswered if the device disconnected', async () => {
    const rig = await rigFor();
    void infer(rig);
    await answerAt(rig, [
      ['d0', 1],
      ['d1', 2],
      ['d3', 3],
    ]);
    rig.disconnect('d2');
    await settle();
    expect(replayed(rig)).toMatchObject([{ measuredMs: 3, allDataMs: null, missing: 'unanswered' }]);
  });

  it('is not reported for a failed request', async () => {
    const rig = await rigFor({ deadlineMs: 50 });
    const answer = infer(rig).catch((error: Error) => error);
    await rig.clock.advance(60);
    expect(await answer).toBeInstanceOf(Error);
    expect(rig.eventsOf('request-settled')).toEqual([]);
  });
});

describe('a failed device', () => {
  it('is distinguished from a late one, also when it fails after the answer', async () => {
    const rig = await rigFor();
    for (const fails of [false, true]) {
      void infer(rig);
      await answerAt(rig, [
        ['d0', 1],
        ['d1', 2],
        ['d3', 3],
      ]);
      if (fails) rig.disconnect('d2');
      else rig.answerAll('d2');
      await settle();
    }
    const [late, died] = replayed(rig);
    expect(late).toMatchObject({ failedSeats: 0, survivedFailure: false });
    expect(died).toMatchObject({ failedSeats: 1, survivedFailure: true });
    // From now on, nothing is sent to the dead device.
    void infer(rig);
    for (const device of ['d0', 'd1', 'd3']) rig.answerAll(device);
    await settle();
    expect(replayed(rig)[2]).toMatchObject({ failedSeats: 1, survivedFailure: true });
  });

  it('is not survived if only parity is missing', async () => {
    const rig = await rigFor();
    rig.disconnect('d3');
    void infer(rig);
    for (const device of ['d0', 'd1', 'd2']) rig.answerAll(device);
    await settle();
    expect(replayed(rig)).toMatchObject([{ failedSeats: 1, survivedFailure: false }]);
  });
});

describe('a sampled request', () => {
  /** d2 answers nothing. The last uncanceled computation on a device is never canceled, so there are two requests. */
  async function twoRequests(sampleEvery: number, policy: Partial<Policy>) {
    const options = { sampleEvery, silentAfterMs: 60_000 };
    const rig = await ManualRig.ready({ k: 3, r: 1, policy, layers: [CODED], options });
    const answers = [infer(rig), infer(rig)];
    for (const device of ['d0', 'd1', 'd3']) {
      await rig.clock.advance(1);
      rig.answerAll(device);
      await settle();
    }
    return { rig, answers };
  }

  for (const verify of ['off', 'before', 'after'] as const) {
    it(`awaits its late answers with verify "${verify}", without delaying its own answer`, async () => {
      const { rig, answers } = await twoRequests(1, { verify });
      if (verify !== 'before') {
        const latencies = (await Promise.all(answers)).map(({ latencyMs }) => latencyMs);
        expect(latencies).toEqual([3, 3]);
      }
      const sampled = () => replayed(rig).filter((request) => request.sampled);
      expect(sampled()).toEqual([]);
      await rig.clock.advance(7);
      rig.answerAll('d2');
      await settle();
      // One request at a time is sampled.
      expect(sampled()).toMatchObject([{ allDataMs: 10, missing: null }]);
    });
  }

  it('is the exception: other late answers are canceled', async () => {
    const { rig } = await twoRequests(1e9, { verify: 'off' });
    expect(replayed(rig)).toMatchObject([{ missing: 'called-off' }, { missing: 'called-off' }]);
  });

  it('waits a bounded time', async () => {
    const { rig } = await twoRequests(1, { verify: 'off' });
    await rig.clock.advance(2_500);
    expect(replayed(rig)).toHaveLength(2);
  });

  it('may use places of a device that others leave free', async () => {
    const options = { sampleEvery: 8, inFlightPerDevice: 8, silentAfterMs: 60_000, firstRequest: 1 };
    const rig = await ManualRig.ready({ k: 3, r: 1, policy: { verify: 'off' }, layers: [CODED], options });
    for (let request = 0; request < 16; request++) {
      void infer(rig);
      for (const device of ['d0', 'd1', 'd3']) rig.answerAll(device);
      await settle();
    }
    const toSlow = rig.takeComputations('d2').map(({ request }) => request);
    expect(toSlow).toContain(8);
    expect(toSlow.filter((request) => request % 8 !== 0).length).toBeLessThanOrEqual(5);
  });
});

it('delays only the steps that depend on a delayed branch', () => {
  const shard = (index: number, answeredAt: number | null): ShardTrace => ({
    shard: index,
    device: `d${index}`,
    sentAt: 100,
    answeredAt: answeredAt === null ? null : 100 + answeredAt,
    status: 'used',
  });
  const coded = (step: string, finishedAt: number, arrivals: readonly number[]): StepTrace => ({
    step,
    kind: 'coded',
    startedAt: 100,
    finishedAt: 100 + finishedAt,
    shards: arrivals.map((at, index) => shard(index, at)),
  });
  const plan = { dataShards: 2 };
  const program = {
    steps: [
      { index: 0, id: 'left', kind: 'coded', plan, feedSlots: [0], fetchSlots: [1] },
      { index: 1, id: 'right', kind: 'coded', plan, feedSlots: [0], fetchSlots: [2] },
      { index: 2, id: 'join', kind: 'local', plan: {}, feedSlots: [1, 2], fetchSlots: [3] },
    ],
    outputs: [{ slot: 3 }],
  } as unknown as Program;
  const trace = {
    request: 1,
    startedAt: 100,
    finishedAt: 108,
    steps: [
      coded('left', 4, [3, 10, 4]),
      coded('right', 6, [5, 6, 8]),
      { step: 'join', kind: 'local' as const, startedAt: 106, finishedAt: 108, shards: [] },
    ],
  };
  // Uncoded, "left" ends at 10 instead of 4 and "right" stays at 6: "join" starts at 10 instead of 6.
  expect(replayArrivals({ trace, program })).toMatchObject({ measuredMs: 8, anyKMs: 8, allDataMs: 12 });
});
