import { describe, expect, it } from 'vitest';
import { HandRig } from '../testing/hand-rig.ts';
import { randomStream } from '../testing/linear-network.ts';
import { Unsolicited } from './unsolicited.ts';

const OPTIONS = { k: 2, r: 1, layers: [{ kind: 'coded', inputs: 3, outputs: 4 }] } as const;

describe('messages that nobody asked for', () => {
  it('end in quarantine where a device answers everything under another request’s id', async () => {
    const rig = await HandRig.ready({ ...OPTIONS, policy: { verify: 'off' } });
    // The liar is asked as much as it says: what it was sent must not earn it forgiveness.
    for (let round = 0; round < 64 && rig.eventsOf('device-quarantined').length === 0; round++) {
      const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
      for (const device of ['d1', 'd2']) rig.answerAll(device);
      for (const request of rig.asked('d0')) {
        const honest = rig.answerTo('d0', request);
        rig.send('d0', { ...honest, request: honest.request + 1_000_000 });
        rig.send('d0', { ...honest, task: honest.task + 1_000 });
      }
      await answer;
    }
    expect(rig.eventsOf('device-quarantined')).toMatchObject([
      { device: 'd0', reason: expect.stringContaining('never asked') },
    ]);
  });

  it('are forgiven to a device whose connection breaks again and again', async () => {
    const rig = await HandRig.ready(OPTIONS);
    for (let life = 0; life < 20; life++) {
      for (let stray = 0; stray < 7; stray++) {
        rig.send('d0', { kind: 'refusal', request: 5_000 + stray, task: 1, code: 'x', message: 'old' });
      }
      rig.disconnect('d0');
      rig.connect('d0');
    }
    expect(rig.eventsOf('device-quarantined')).toEqual([]);
  });

  it('are not counted where they are the first to a computation whose cancel they crossed (seed 4600)', () => {
    const unsolicited = new Unsolicited();
    for (let request = 1; request <= 200; request++) {
      unsolicited.asked(request, 1);
      expect(unsolicited.arrived(request, 1, 0)).toBeNull();
    }
    // A second one to each is as many duplicates without one answer that was awaited.
    const reasons = Array.from({ length: 21 }, (_, back) => unsolicited.arrived(200 - back, 1, 0));
    expect(reasons.slice(0, 20)).toEqual(new Array(20).fill(null));
    expect(reasons[20]).toContain('nobody asked for');
  });

  it('end in quarantine where they go to computations of the past, each at random', () => {
    const unsolicited = new Unsolicited();
    const random = randomStream(1);
    let quarantined = false;
    for (let request = 1; request <= 1_000 && !quarantined; request++) {
      unsolicited.asked(request, 1);
      const told = Math.max(1, request - Math.floor(random() * 200));
      quarantined = unsolicited.arrived(told, 1, 0) !== null;
    }
    expect(quarantined).toBe(true);
  });

  it('are forgiven where every answer comes twice, and where it comes ten times they are not', async () => {
    for (const [copies, quarantined] of [
      [2, 0],
      [10, 1],
    ] as const) {
      const rig = await HandRig.ready({ ...OPTIONS, policy: { verify: 'off' } });
      for (let round = 0; round < 50 && rig.eventsOf('device-quarantined').length === 0; round++) {
        const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
        for (const request of rig.asked('d0')) {
          const honest = rig.answerTo('d0', request);
          for (let copy = 0; copy < copies; copy++) rig.send('d0', honest);
        }
        for (const device of ['d1', 'd2']) rig.answerAll(device);
        await answer;
      }
      expect(rig.eventsOf('device-quarantined')).toHaveLength(quarantined);
    }
  });
});
