import type { FaultImpactView, FaultReportView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { killSentence } from './kill-sentence.ts';

const impact = (change: Partial<FaultImpactView> = {}): FaultImpactView => ({
  deployment: 'lenet5',
  seated: true,
  inFlight: 37,
  answered: 37,
  wrong: 0,
  failed: 0,
  canceled: 0,
  waiting: 0,
  slowestMs: 41.2,
  slowestRequest: 5,
  failedAfter: 0,
  wrongAfter: 0,
  skipped: 0,
  answeringAgainMs: 3,
  longestSilenceMs: 3,
  measuring: false,
  ...change,
});

const report = (
  deployments: readonly FaultImpactView[],
  change: Partial<FaultReportView> = {},
): FaultReportView => ({
  id: 1,
  at: '2026-01-01T14:03:21.000Z',
  device: 'id',
  deviceName: 'local-4',
  fault: { kind: 'kill' },
  deployments,
  measuring: false,
  ...change,
});

const names = {
  coded: { name: 'lenet5', checked: true },
  uncoded: { name: 'lenet5-uncoded', checked: true },
};
const timeOf = (at: string) => at.slice(11, 19);
const uncoded = (change: Partial<FaultImpactView>) => impact({ deployment: 'lenet5-uncoded', ...change });

describe('the kill card', () => {
  it('says in measured numbers what happened to both deployments', () => {
    const other = uncoded({
      inFlight: 12,
      answered: 0,
      failed: 12,
      slowestMs: null,
      answeringAgainMs: 2_800,
      longestSilenceMs: 2_800,
    });
    expect(killSentence(report([impact(), other]), names, timeOf)).toEqual({
      headline: 'local-4 killed at 14:03:21.',
      coded: '37 requests in flight: 37 answered, slowest 41.2 ms.',
      uncoded: 'Uncoded: 12 requests in flight: 12 failed, answering again after 2.80 s.',
      codedTone: 'ok',
      uncodedTone: 'danger',
    });
  });

  it('marks a stall of a second even if every request is answered in the end', () => {
    const stalled = uncoded({
      inFlight: 8,
      answered: 8,
      slowestMs: 2_810,
      answeringAgainMs: 2_800,
      longestSilenceMs: 2_800,
      skipped: 512,
    });
    expect(killSentence(report([impact(), stalled]), names, timeOf)).toMatchObject({
      uncoded:
        'Uncoded: 8 requests in flight: 8 answered, slowest 2.81 s, answering again after 2.80 s, 512 copies skipped until then.',
      uncodedTone: 'danger',
    });
  });

  it('says what is still open while it measures', () => {
    const other = uncoded({
      inFlight: 8,
      answered: 0,
      waiting: 8,
      slowestMs: null,
      answeringAgainMs: null,
      longestSilenceMs: 600,
      measuring: true,
    });
    const sentence = killSentence(report([impact(), other], { measuring: true }), names, timeOf);
    expect(sentence?.uncoded).toBe(
      'Uncoded: 8 requests in flight: 8 still waiting, not answering again yet.',
    );
    expect(sentence?.uncodedTone).toBe('waiting');
  });

  it('says that a lane that answered once does not answer again yet, or did not to the end', () => {
    const other = { inFlight: 4, answered: 1, waiting: 3, slowestMs: 11.5, answeringAgainMs: null };
    const sentence = (change: Partial<FaultImpactView>) =>
      killSentence(report([impact(), uncoded({ ...other, ...change })]), names, timeOf);
    expect(sentence({ longestSilenceMs: 900, measuring: true })).toMatchObject({
      uncoded:
        'Uncoded: 4 requests in flight: 1 answered, 3 still waiting, slowest 11.5 ms, not answering again yet.',
      uncodedTone: 'waiting',
    });
    expect(sentence({ longestSilenceMs: 15_200, measuring: true })).toMatchObject({ uncodedTone: 'danger' });
    expect(sentence({ longestSilenceMs: 120_000, waiting: 0, canceled: 3 })).toMatchObject({
      uncoded: 'Uncoded: 4 requests in flight: 1 answered, 3 canceled, slowest 11.5 ms, no answer for 120 s.',
      uncodedTone: 'danger',
    });
    // A pause that a person does not notice.
    expect(sentence({ longestSilenceMs: 20, measuring: true })?.uncoded).not.toContain('answering again');
  });

  it('counts wrong answers after the fault, and is not green where answers are not checked', () => {
    expect(killSentence(report([impact({ wrongAfter: 4 })]), names, timeOf)).toMatchObject({
      coded: '37 requests in flight: 37 answered, slowest 41.2 ms, 4 more wrong.',
      codedTone: 'danger',
    });
    const unchecked = { ...names, coded: { name: 'lenet5', checked: false } };
    expect(killSentence(report([impact()]), unchecked, timeOf)).toMatchObject({
      coded: '37 requests in flight: 37 answered, slowest 41.2 ms, answers not checked.',
      codedTone: 'unchecked',
    });
  });

  it('adds up every end, and failures after the fault', () => {
    const mixed = impact({
      inFlight: 10,
      answered: 5,
      wrong: 1,
      failed: 1,
      canceled: 2,
      waiting: 1,
      failedAfter: 4,
    });
    expect(killSentence(report([mixed]), names, timeOf)).toMatchObject({
      coded:
        '10 requests in flight: 5 answered, 1 wrong, 1 failed, 2 canceled, 1 never answered, slowest 41.2 ms, 4 more failed.',
      codedTone: 'danger',
      uncoded: null,
    });
  });

  it('reports a fault without load, one request, and an emulated fault', () => {
    const nothing = impact({
      inFlight: 0,
      answered: 0,
      slowestMs: null,
      answeringAgainMs: null,
      longestSilenceMs: null,
    });
    expect(killSentence(report([nothing]), names, timeOf)?.coded).toBe('no requests in flight.');
    expect(killSentence(report([impact({ inFlight: 1, answered: 1 })]), names, timeOf)?.coded).toContain(
      '1 request in flight: 1 answered',
    );
    const delay = report([impact()], { fault: { kind: 'delay', ms: 50, sigma: 0 } });
    expect(killSentence(delay, names, timeOf)?.headline).toBe('local-4: delay 50 ms (emulated) at 14:03:21.');
  });

  it('says that a standby had no shard', () => {
    expect(killSentence(report([impact({ seated: false })]), names, timeOf)?.headline).toBe(
      'local-4 killed at 14:03:21. It had no shard of lenet5.',
    );
  });

  it('does not say that a lane answers again that answered throughout, or that had no shard on the device', () => {
    const sentence = (change: Partial<FaultImpactView>) =>
      killSentence(report([impact({ answeringAgainMs: 2_530, ...change })]), names, timeOf);
    // Copies that were skipped without a stall say nothing about the fault.
    expect(sentence({ longestSilenceMs: 12, skipped: 3 })).toMatchObject({
      coded: '37 requests in flight: 37 answered, slowest 41.2 ms.',
      codedTone: 'ok',
    });
    expect(sentence({ longestSilenceMs: 2_500, seated: false })).toMatchObject({
      coded: '37 requests in flight: 37 answered, slowest 41.2 ms.',
      codedTone: 'ok',
    });
    expect(sentence({ longestSilenceMs: 2_500 })).toMatchObject({
      coded: '37 requests in flight: 37 answered, slowest 41.2 ms, answering again after 2.53 s.',
      codedTone: 'danger',
    });
  });

  it('is not shown for a fault of other deployments', () => {
    expect(killSentence(report([impact({ deployment: 'other' })]), names, timeOf)).toBeNull();
  });
});
