import { type ComputeRequest, type FromDevice, PROBE_TASK } from '@sparewheel/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { LinkProbe, NEXT_ROUND_MS } from './link-probe.ts';

describe('the link to a device', () => {
  let now: number;
  let sent: ComputeRequest[];
  let timers: { delayMs: number; fire: () => void }[];
  let probe: LinkProbe;
  beforeEach(() => {
    now = 0;
    sent = [];
    timers = [];
    probe = new LinkProbe(
      {
        send: (_device, request) => sent.push(request),
        now: () => now,
        schedule: (delayMs, fire) => {
          const timer = { delayMs, fire };
          timers.push(timer);
          return () => timers.splice(timers.indexOf(timer), 1);
        },
      },
      () => {},
    );
  });
  const refusal = (request: number, task = PROBE_TASK): FromDevice => ({
    kind: 'refusal',
    request,
    task,
    code: 'unknown-task',
    message: 'no such task',
  });
  /** Answers every sent probe after `hopMs`, plus 1 ms per 128 KB. */
  const answerAll = (hopMs = 2) => {
    for (let request = sent.shift(); request; request = sent.shift()) {
      now += hopMs + (4 * (request.tensors[0]!.data.length - 1)) / 131_072;
      expect(probe.received('a', refusal(request.request))).toBe(true);
    }
  };

  it('is measured by rejected computations', () => {
    probe.connected('a');
    answerAll();
    expect(probe.link('a')!.hopMs).toBeCloseTo(2);
    expect(probe.link('a')!.bytesPerSecond).toBeCloseTo(131_072_000, -4);
  });

  it('is measured in several rounds, of which the best counts', () => {
    probe.connected('a');
    answerAll(20);
    for (const [round, hopMs] of [5, 2, 9].entries()) {
      const { delayMs, fire } = timers.pop()!;
      expect(delayMs).toBe(NEXT_ROUND_MS[round]);
      now += delayMs;
      fire();
      answerAll(hopMs);
    }
    expect(probe.link('a')!.hopMs).toBeCloseTo(2);
    expect(probe.link('a')!.bytesPerSecond).toBeCloseTo(131_072_000, -4);
    expect(timers).toEqual([]);
    probe.disconnected('a');
    probe.connected('a');
    expect([sent, timers]).toEqual([[], []]);
  });

  it('is not measured while the device is disconnected; the rounds continue when it returns', () => {
    probe.connected('a');
    answerAll();
    probe.disconnected('a');
    expect(timers).toEqual([]);
    expect(probe.link('a')).not.toBeNull();
    probe.connected('a');
    expect(sent).toEqual([]);
    expect(timers).toMatchObject([{ delayMs: NEXT_ROUND_MS[0] }]);
  });

  it('stays unknown while answers are missing, and is measured when the device returns', () => {
    probe.connected('a');
    probe.received('a', refusal(sent[0]!.request));
    probe.disconnected('a');
    expect(probe.received('a', refusal(sent[1]!.request))).toBe(true);
    expect(probe.link('a')).toBeNull();
    sent = [];
    probe.connected('a');
    answerAll();
    expect(probe.link('a')).not.toBeNull();
  });

  it('is not measured by messages of other tasks', () => {
    probe.connected('a');
    expect(probe.received('a', refusal(sent[0]!.request, 7))).toBe(false);
  });
});
