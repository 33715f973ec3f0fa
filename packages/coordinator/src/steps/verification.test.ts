import { describe, expect, it } from 'vitest';
import type { Policy } from '../policy.ts';
import type { Inference } from '../requests/accepted-request.ts';
import { corrupted, HandRig, randomStream, settle } from '../testing/index.ts';

const X = [0.5, -1, 2, 0.25];

async function scenario(k: number, r: number, policy: Partial<Policy>) {
  const rig = await HandRig.ready({ k, r, policy, layers: [{ kind: 'coded', inputs: 4, outputs: 8 }] });
  const settled: (Inference | Error)[] = [];
  const ask = () => {
    rig.coordinator.infer('net', { t0: rig.input(X) }).then(
      (inference) => settled.push(inference),
      (error: Error) => settled.push(error),
    );
  };
  const answer = (shard: number, lie = 0) => {
    for (const request of rig.asked(`d${shard}`)) {
      const right = rig.answerTo(`d${shard}`, request);
      rig.send(`d${shard}`, lie === 0 ? right : corrupted(right, lie, 1));
    }
  };
  return { rig, settled, ask, answer };
}

function isRight(rig: HandRig, result: Inference | Error | undefined): boolean {
  if (result === undefined || result instanceof Error) return false;
  const got = result.fetches.t1!.data as Float32Array;
  return rig.network.reference(rig.input(X)).data.every((value, i) => Math.abs(value - got[i]!) < 1e-4);
}

describe('verify "before"', () => {
  it('never gives a wrong answer and names the liar, whoever it is and whenever it answers', async () => {
    for (const [k, r] of [
      [1, 1],
      [2, 1],
      [4, 1],
      [2, 2],
      [3, 2],
    ] as const) {
      const n = k + r;
      for (let faultyShard = 0; faultyShard < n; faultyShard++) {
        for (let first = 0; first < n; first++) {
          const { rig, settled, ask, answer } = await scenario(k, r, { verify: 'before' });
          ask();
          for (let i = 0; i < n; i++) {
            const shard = (first + i) % n;
            answer(shard, shard === faultyShard ? 0.01 : 0);
            await settle();
          }
          const where = `k ${k} r ${r} liar ${faultyShard} first ${first}`;
          expect(settled.length, where).toBe(1);
          expect(isRight(rig, settled[0]), where).toBe(true);
          // Where the liar came last, its answer was not waited for.
          const noticed = rig.eventsOf('corruption');
          if (noticed.length === 0) {
            expect((first + n - 1) % n, where).toBe(faultyShard);
            continue;
          }
          expect(noticed[0], where).toMatchObject({
            faultyDevices: [`d${faultyShard}`],
            answeredWrong: false,
          });
          expect(rig.eventsOf('device-quarantined').map(({ device }) => device)).toEqual([`d${faultyShard}`]);
        }
      }
    }
  });

  it('lets none of 1000 random lies out, and notices each that came in time', async () => {
    const random = randomStream(1000);
    const draw = (below: number) => Math.floor(random() * below);
    for (let attempt = 0; attempt < 1_000; attempt++) {
      const [k, r] = (
        [
          [1, 1],
          [2, 1],
          [4, 1],
          [3, 2],
        ] as const
      )[draw(4)]!;
      const n = k + r;
      const { rig, settled, ask } = await scenario(k, r, { verify: 'before' });
      const [faultyShard, last, at] = [draw(n), draw(n), draw(Math.ceil(8 / k))];
      const amount = 10 ** (random() * 5 - 3) * (random() < 0.5 ? -1 : 1);
      const where = `attempt ${attempt}: k ${k} r ${r} liar ${faultyShard} last ${last}, ${amount} at ${at}`;
      ask();
      for (let i = 1; i <= n; i++) {
        const shard = (last + i) % n;
        for (const request of rig.asked(`d${shard}`)) {
          const right = rig.answerTo(`d${shard}`, request);
          rig.send(`d${shard}`, shard === faultyShard ? corrupted(right, amount, at) : right);
        }
        await settle();
      }
      expect(settled.length, where).toBe(1);
      expect(isRight(rig, settled[0]), where).toBe(true);
      const noticed = rig.eventsOf('device-quarantined').map(({ device }) => device);
      expect(noticed, where).toEqual(faultyShard === last && r > 1 ? [] : [`d${faultyShard}`]);
    }
  });

  it('waits for one answer more than decoding needs', async () => {
    const { settled, ask, answer } = await scenario(2, 2, { verify: 'before' });
    ask();
    answer(0);
    answer(1);
    await settle();
    expect(settled).toEqual([]);
    answer(3);
    await settle();
    expect(settled.length).toBe(1);
  });

  it('computes one shard itself where no surplus answer is left, and says so', async () => {
    for (const faultyShard of [null, 0, 1]) {
      const { rig, settled, ask, answer } = await scenario(2, 1, { verify: 'before' });
      rig.disconnect('d2');
      ask();
      answer(0, faultyShard === 0 ? 1 : 0);
      answer(1, faultyShard === 1 ? 1 : 0);
      await settle();
      expect(isRight(rig, settled[0])).toBe(true);
      expect((settled[0] as Inference).rescued).toBeGreaterThanOrEqual(1);
      const quarantined = rig.eventsOf('device-quarantined').map(({ device }) => device);
      expect(quarantined).toEqual(faultyShard === null ? [] : [`d${faultyShard}`]);
    }
  });

  it('settles two liars that contradict each other by computing the layer', async () => {
    const { rig, settled, ask, answer } = await scenario(3, 2, { verify: 'before' });
    ask();
    for (let shard = 0; shard < 5; shard++) answer(shard, shard < 2 ? 1 + shard : 0);
    await settle();
    expect(isRight(rig, settled[0])).toBe(true);
    expect(
      rig
        .eventsOf('device-quarantined')
        .map(({ device }) => device)
        .sort(),
    ).toEqual(['d0', 'd1']);
  });
});

describe('verify "after"', () => {
  it('answers at once, then names the liar and says whether the answer was wrong', async () => {
    for (const [k, r] of [
      [2, 1],
      [3, 2],
    ] as const) {
      for (let faultyShard = 0; faultyShard < k + r; faultyShard++) {
        const { rig, settled, ask, answer } = await scenario(k, r, { verify: 'after' });
        ask();
        for (let shard = 0; shard < k; shard++) answer(shard, shard === faultyShard ? 0.01 : 0);
        await settle();
        expect(settled.length).toBe(1);
        expect(isRight(rig, settled[0])).toBe(faultyShard >= k);
        expect(rig.eventsOf('corruption')).toEqual([]);
        for (let shard = k; shard < k + r; shard++) answer(shard, shard === faultyShard ? 0.01 : 0);
        await settle();
        expect(rig.eventsOf('corruption')).toMatchObject([
          { faultyDevices: [`d${faultyShard}`], request: 1, answeredWrong: faultyShard < k },
        ]);
        expect(rig.coordinator.snapshot().deployments[0]!.counters.corrupt).toBe(faultyShard < k ? 1 : 0);
        expect(rig.coordinator.snapshot().devices[faultyShard]!.state).toBe('quarantined');
      }
    }
  });

  it('does not cancel the surplus that it checks with, and waits for it a bounded time', async () => {
    const { rig, ask, answer } = await scenario(2, 1, { verify: 'after' });
    ask();
    answer(0);
    answer(1);
    await settle();
    expect(rig.transport.take('d2').map(({ kind }) => kind)).toEqual(['compute']);
    await rig.clock.advance(60_000);
    expect(rig.eventsOf('corruption')).toEqual([]);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('checks the oldest with what is in when too many wait for their surplus', async () => {
    const rig = await HandRig.ready({
      k: 2,
      r: 2,
      policy: { verify: 'after' },
      layers: [{ kind: 'coded', inputs: 4, outputs: 8 }],
      options: { pendingVerifications: 1 },
    });
    for (let i = 0; i < 2; i++) {
      void rig.coordinator.infer('net', { t0: rig.input(X) });
      for (const shard of [0, 1, 2]) {
        const [request] = rig.asked(`d${shard}`);
        const right = rig.answerTo(`d${shard}`, request!);
        rig.send(`d${shard}`, i === 0 && shard === 1 ? corrupted(right) : right);
      }
      await settle();
      expect(rig.eventsOf('corruption').length).toBe(i);
    }
  });
});

describe('verify "off"', () => {
  it('believes everything that is well-formed, and cancels what it does not need', async () => {
    const { rig, settled, ask, answer } = await scenario(2, 1, { verify: 'off' });
    ask();
    ask();
    answer(0, 1);
    answer(1);
    await settle();
    expect(settled.map((result) => isRight(rig, result))).toEqual([false, false]);
    // The last one on a device is not cancelled: its answer will show that the device has read the rest.
    expect(rig.transport.take('d2').map(({ kind }) => kind)).toEqual(['compute', 'compute', 'cancel']);
  });
});

it('raises no false alarm over ten thousand honest layers', async () => {
  const { rig, settled, ask, answer } = await scenario(4, 2, { verify: 'after' });
  const requests = 10_000;
  for (let asked = 0; asked < requests; asked += 10) {
    for (let i = 0; i < 10; i++) ask();
    for (let shard = 0; shard < 6; shard++) answer((shard + asked) % 6);
  }
  await settle();
  expect(settled.length).toBe(requests);
  expect(rig.coordinator.snapshot().devices.map(({ statistics }) => statistics.answers)).toEqual(
    Array(6).fill(requests),
  );
  expect(rig.eventsOf('corruption')).toEqual([]);
});
