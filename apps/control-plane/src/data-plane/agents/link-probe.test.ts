import { type ComputeRequest, type FromDevice, PROBE_TASK } from '@sparewheel/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { LinkProbe } from './link-probe.ts';

describe('the way to a device', () => {
  let now: number;
  let sent: ComputeRequest[];
  let probe: LinkProbe;
  beforeEach(() => {
    now = 0;
    sent = [];
    probe = new LinkProbe({ send: (_device, request) => sent.push(request), now: () => now }, () => {});
  });
  const refusal = (request: number, task = PROBE_TASK): FromDevice => ({
    kind: 'refusal',
    request,
    task,
    code: 'unknown-task',
    message: 'no such task',
  });
  /** Answers every probe: 2 ms, and 1 ms for each 128 KB. */
  const answerAll = () => {
    for (let i = 0; i < sent.length; i++) {
      now += 2 + (4 * (sent[i]!.tensors[0]!.data.length - 1)) / 131_072;
      expect(probe.received('a', refusal(sent[i]!.request))).toBe(true);
    }
  };

  it('is measured by a few refusals, once', () => {
    probe.connected('a');
    answerAll();
    expect(probe.link('a')!.hopMs).toBeCloseTo(2);
    expect(probe.link('a')!.bytesPerSecond).toBeCloseTo(131_072_000, -4);
    const before = sent.length;
    probe.disconnected('a');
    probe.connected('a');
    expect(sent).toHaveLength(before);
  });

  it('is not known while answers are missing, and measured when the device returns', () => {
    probe.connected('a');
    probe.received('a', refusal(sent[0]!.request));
    probe.disconnected('a');
    expect(probe.received('a', refusal(sent[1]!.request))).toBe(true);
    expect(probe.link('a')).toBeNull();
    probe.connected('a');
    sent = sent.slice(2);
    answerAll();
    expect(probe.link('a')).not.toBeNull();
  });

  it('leaves all other messages to others', () => {
    probe.connected('a');
    expect(probe.received('a', refusal(sent[0]!.request, 7))).toBe(false);
  });
});
