import { describe, expect, it } from 'vitest';
import { randomStream } from '../testing/linear-network.ts';
import { ManualRig } from '../testing/manual-rig.ts';
import { UnsolicitedMessages } from './unsolicited.ts';

const OPTIONS = { k: 2, r: 1, layers: [{ kind: 'coded', inputs: 3, outputs: 4 }] } as const;

describe('unsolicited messages', () => {
  it('quarantine a device that answers everything under another request’s id', async () => {
    const rig = await ManualRig.ready({ ...OPTIONS, policy: { verify: 'off' } });
    // The faulty device is sent as many computations as it answers. The sent ones must not raise its limit.
    for (let round = 0; round < 64 && rig.eventsOf('device-quarantined').length === 0; round++) {
      const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
      for (const device of ['d1', 'd2']) rig.answerAll(device);
      for (const request of rig.takeComputations('d0')) {
        const correct = rig.answerTo('d0', request);
        rig.send('d0', { ...correct, request: correct.request + 1_000_000 });
        rig.send('d0', { ...correct, task: correct.task + 1_000 });
      }
      await answer;
    }
    expect(rig.eventsOf('device-quarantined')).toMatchObject([
      { device: 'd0', reason: expect.stringContaining('never sent') },
    ]);
  });

  it('are tolerated from a device whose connection breaks repeatedly', async () => {
    const rig = await ManualRig.ready(OPTIONS);
    for (let connection = 0; connection < 20; connection++) {
      for (let stray = 0; stray < 7; stray++) {
        rig.send('d0', { kind: 'refusal', request: 5_000 + stray, task: 1, code: 'x', message: 'old' });
      }
      rig.disconnect('d0');
      rig.connect('d0');
    }
    expect(rig.eventsOf('device-quarantined')).toEqual([]);
  });

  it('do not count if they are the first to a computation and crossed its cancel (seed 4600)', () => {
    const unsolicited = new UnsolicitedMessages();
    for (let request = 1; request <= 200; request++) {
      unsolicited.recordSent(request, 1);
      expect(unsolicited.record(request, 1, 0)).toBeNull();
    }
    // The second message to each computation is a duplicate, and no message was expected.
    const reasons = Array.from({ length: 21 }, (_, back) => unsolicited.record(200 - back, 1, 0));
    expect(reasons.slice(0, 20)).toEqual(new Array(20).fill(null));
    expect(reasons[20]).toContain('unsolicited');
  });

  it('quarantine a device that answers random past computations', () => {
    const unsolicited = new UnsolicitedMessages();
    const random = randomStream(1);
    let quarantined = false;
    for (let request = 1; request <= 1_000 && !quarantined; request++) {
      unsolicited.recordSent(request, 1);
      const past = Math.max(1, request - Math.floor(random() * 200));
      quarantined = unsolicited.record(past, 1, 0) !== null;
    }
    expect(quarantined).toBe(true);
  });

  it('are tolerated if every answer comes twice, but not if every answer comes ten times', async () => {
    for (const [copies, quarantined] of [
      [2, 0],
      [10, 1],
    ] as const) {
      const rig = await ManualRig.ready({ ...OPTIONS, policy: { verify: 'off' } });
      for (let round = 0; round < 50 && rig.eventsOf('device-quarantined').length === 0; round++) {
        const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
        for (const request of rig.takeComputations('d0')) {
          const correct = rig.answerTo('d0', request);
          for (let copy = 0; copy < copies; copy++) rig.send('d0', correct);
        }
        for (const device of ['d1', 'd2']) rig.answerAll(device);
        await answer;
      }
      expect(rig.eventsOf('device-quarantined')).toHaveLength(quarantined);
    }
  });
});
