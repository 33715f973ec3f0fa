import { describe, expect, it } from 'vitest';
import type { Policy } from '../policy.ts';
import type { Inference } from '../requests/accepted-request.ts';
import { corrupted, ManualRig, randomStream, settle } from '../testing/index.ts';

/** One layer of eight outputs by what it divides, with an input. */
const DIVIDED = {
  weights: { layer: { kind: 'coded', inputs: 4, outputs: 8 }, input: [0.5, -1, 2, 0.25] },
  inputs: { layer: { kind: 'convolution', width: 8 }, input: [0.5, -1, 2, 0.25, -2, 1, 0.75, -0.5] },
} as const;

describe.each(Object.entries(DIVIDED))('with divided %s,', (_, { layer, input: X }) => {
  async function scenario(k: number, r: number, policy: Partial<Policy>) {
    const rig = await ManualRig.ready({ k, r, policy, layers: [layer] });
    const settled: (Inference | Error)[] = [];
    const ask = () => {
      rig.coordinator.infer('net', { t0: rig.input(X) }).then(
        (inference) => settled.push(inference),
        (error: Error) => settled.push(error),
      );
    };
    /** @param error  added to one value of the answer */
    const answer = (shard: number, error = 0) => {
      for (const request of rig.takeComputations(`d${shard}`)) {
        const correct = rig.answerTo(`d${shard}`, request);
        rig.send(`d${shard}`, error === 0 ? correct : corrupted(correct, error, 1));
      }
    };
    return { rig, settled, ask, answer };
  }

  function isCorrect(rig: ManualRig, result: Inference | Error | undefined): boolean {
    if (result === undefined || result instanceof Error) return false;
    const got = result.fetches.t1!.data as Float32Array;
    return rig.network.reference(rig.input(X)).data.every((value, i) => Math.abs(value - got[i]!) < 1e-4);
  }

  describe('verify "before"', () => {
    it('never gives a wrong answer, and names the faulty device for every shard and arrival order', async () => {
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
            const where = `k ${k} r ${r} faulty ${faultyShard} first ${first}`;
            expect(settled.length, where).toBe(1);
            expect(isCorrect(rig, settled[0]), where).toBe(true);
            // If the faulty answer came last, the step did not wait for it.
            const detected = rig.eventsOf('corruption');
            if (detected.length === 0) {
              expect((first + n - 1) % n, where).toBe(faultyShard);
              continue;
            }
            expect(detected[0], where).toMatchObject({
              faultyDevices: [`d${faultyShard}`],
              answeredWrong: false,
            });
            expect(rig.eventsOf('device-quarantined').map(({ device }) => device)).toEqual([
              `d${faultyShard}`,
            ]);
          }
        }
      }
    });

    it('lets none of 1000 random wrong answers through, and detects each that came in time', async () => {
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
        const where = `attempt ${attempt}: k ${k} r ${r} faulty ${faultyShard} last ${last}, ${amount} at ${at}`;
        ask();
        for (let i = 1; i <= n; i++) {
          const shard = (last + i) % n;
          for (const request of rig.takeComputations(`d${shard}`)) {
            const correct = rig.answerTo(`d${shard}`, request);
            rig.send(`d${shard}`, shard === faultyShard ? corrupted(correct, amount, at) : correct);
          }
          await settle();
        }
        expect(settled.length, where).toBe(1);
        expect(isCorrect(rig, settled[0]), where).toBe(true);
        const detected = rig.eventsOf('device-quarantined').map(({ device }) => device);
        expect(detected, where).toEqual(faultyShard === last && r > 1 ? [] : [`d${faultyShard}`]);
      }
    });

    it('waits for one more answer than decoding needs', async () => {
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

    it('rescues one shard if no surplus answer can come, and counts it', async () => {
      for (const faultyShard of [null, 0, 1]) {
        const { rig, settled, ask, answer } = await scenario(2, 1, { verify: 'before' });
        rig.disconnect('d2');
        ask();
        answer(0, faultyShard === 0 ? 1 : 0);
        answer(1, faultyShard === 1 ? 1 : 0);
        await settle();
        expect(isCorrect(rig, settled[0])).toBe(true);
        expect((settled[0] as Inference).rescued).toBeGreaterThanOrEqual(1);
        const quarantined = rig.eventsOf('device-quarantined').map(({ device }) => device);
        expect(quarantined).toEqual(faultyShard === null ? [] : [`d${faultyShard}`]);
      }
    });

    it('finds two faulty devices by comparing with the reference', async () => {
      const { rig, settled, ask, answer } = await scenario(3, 2, { verify: 'before' });
      ask();
      for (let shard = 0; shard < 5; shard++) answer(shard, shard < 2 ? 1 + shard : 0);
      await settle();
      expect(isCorrect(rig, settled[0])).toBe(true);
      expect(
        rig
          .eventsOf('device-quarantined')
          .map(({ device }) => device)
          .sort(),
      ).toEqual(['d0', 'd1']);
    });
  });

  describe('verify "after"', () => {
    it('answers at once, then names the faulty device and reports whether the answer was wrong', async () => {
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
          expect(isCorrect(rig, settled[0])).toBe(faultyShard >= k);
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

    it('does not cancel the surplus needed for the check, and waits for it a bounded time', async () => {
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

    it('verifies the oldest step with the answers that are in when too many steps are pending', async () => {
      const rig = await ManualRig.ready({
        k: 2,
        r: 2,
        policy: { verify: 'after' },
        layers: [layer],
        options: { pendingVerifications: 1 },
      });
      for (let i = 0; i < 2; i++) {
        void rig.coordinator.infer('net', { t0: rig.input(X) });
        for (const shard of [0, 1, 2]) {
          const [request] = rig.takeComputations(`d${shard}`);
          const correct = rig.answerTo(`d${shard}`, request!);
          rig.send(`d${shard}`, i === 0 && shard === 1 ? corrupted(correct) : correct);
        }
        await settle();
        expect(rig.eventsOf('corruption').length).toBe(i);
      }
    });
  });

  describe('verify "off"', () => {
    it('accepts every well-formed answer, and cancels the computations that it does not need', async () => {
      const { rig, settled, ask, answer } = await scenario(2, 1, { verify: 'off' });
      ask();
      ask();
      answer(0, 1);
      answer(1);
      await settle();
      expect(settled.map((result) => isCorrect(rig, result))).toEqual([false, false]);
      // The last computation on a device is not canceled: its answer shows that the device has read the cancels.
      expect(rig.transport.take('d2').map(({ kind }) => kind)).toEqual(['compute', 'compute', 'cancel']);
    });
  });

  it('reports no corruption over ten thousand correct layers', async () => {
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
});
