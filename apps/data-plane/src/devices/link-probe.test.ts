import { type ComputeRequest, type FromDevice, PROBE_TASK } from '@sparewheel/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { LinkProbe, NEXT_ROUND_MS } from './link-probe.ts';

describe('the way to a device', () => {
  let now: number;
  let sent: ComputeRequest[];
  let alarms: { delayMs: number; ring: () => void }[];
  let probe: LinkProbe;
  beforeEach(() => {
    now = 0;
    sent = [];
    alarms = [];
    probe = new LinkProbe(
      {
        send: (_device, request) => sent.push(request),
        now: () => now,
        schedule: (delayMs, ring) => {
          const alarm = { delayMs, ring };
          alarms.push(alarm);
          return () => alarms.splice(alarms.indexOf(alarm), 1);
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
  /** Answers every probe that is sent: so many milliseconds, and 1 ms for each 128 KB. */
  const answerAll = (hopMs = 2) => {
    for (let request = sent.shift(); request; request = sent.shift()) {
      now += hopMs + (4 * (request.tensors[0]!.data.length - 1)) / 131_072;
      expect(probe.received('a', refusal(request.request))).toBe(true);
    }
  };

  it('is measured by a few refusals', () => {
    probe.connected('a');
    answerAll();
    expect(probe.link('a')!.hopMs).toBeCloseTo(2);
    expect(probe.link('a')!.bytesPerSecond).toBeCloseTo(131_072_000, -4);
  });

  it('is measured again when the start is over, and the best round counts', () => {
    probe.connected('a');
    answerAll(20);
    for (const [round, hopMs] of [5, 2, 9].entries()) {
      const { delayMs, ring } = alarms.pop()!;
      expect(delayMs).toBe(NEXT_ROUND_MS[round]);
      now += delayMs;
      ring();
      answerAll(hopMs);
    }
    expect(probe.link('a')!.hopMs).toBeCloseTo(2);
    expect(probe.link('a')!.bytesPerSecond).toBeCloseTo(131_072_000, -4);
    expect(alarms).toEqual([]);
    probe.disconnected('a');
    probe.connected('a');
    expect([sent, alarms]).toEqual([[], []]);
  });

  it('is not measured while the device is away, and where it was left off when it returns', () => {
    probe.connected('a');
    answerAll();
    probe.disconnected('a');
    expect(alarms).toEqual([]);
    expect(probe.link('a')).not.toBeNull();
    probe.connected('a');
    expect(sent).toEqual([]);
    expect(alarms).toMatchObject([{ delayMs: NEXT_ROUND_MS[0] }]);
  });

  it('is not known while answers are missing, and measured when the device returns', () => {
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

  it('leaves all other messages to others', () => {
    probe.connected('a');
    expect(probe.received('a', refusal(sent[0]!.request, 7))).toBe(false);
  });
});
