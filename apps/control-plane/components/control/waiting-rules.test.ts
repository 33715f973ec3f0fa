import { describe, expect, it } from 'vitest';
import { codedTrace } from '../testing/view-fixtures.ts';
import { sliderScale } from './policy.ts';
import {
  adaptivePrediction,
  gainPercent,
  isPrediction,
  judgeWaiting,
  slowArrivalMs,
} from './waiting-rules.ts';

describe('the waiting rules', () => {
  const traces = Array.from({ length: 6 }, () => codedTrace([4, 30, 6]));
  const lacking = (count: number, arrival: null | 'never') =>
    Array.from({ length: count }, (_, at) => codedTrace([4, arrival, 6], 100 + at));

  it('wait for the second of three answers, for both data shards, or for the threshold', () => {
    expect(judgeWaiting(traces, 2, 'any-k')).toMatchObject({ requests: 6, anyK: 6, chosen: 6, all: 30 });
    expect(judgeWaiting(traces, 2, 'all')).toMatchObject({ chosen: 30 });
    expect(judgeWaiting(traces, 2, 10)).toMatchObject({ chosen: 10 });
    expect(judgeWaiting(traces, 2, 50)).toMatchObject({ chosen: 30 });
    expect(judgeWaiting(traces, 2, 2)).toMatchObject({ chosen: 6 });
  });

  it('have a gain relative to waiting for all', () => {
    const rules = judgeWaiting(traces, 2, 'any-k');
    expect(isPrediction(rules) && gainPercent(rules, rules.anyK)).toBe(80);
  });

  it('leave out requests with a missing answer and count them', () => {
    expect(judgeWaiting([...traces, ...lacking(1, 'never')], 2, 10)).toMatchObject({
      requests: 6,
      leftOut: 1,
      all: 30,
      chosen: 10,
    });
  });

  it('predict nothing if a device is dead or over its cap: a shard that was never sent has no time', () => {
    expect(judgeWaiting(lacking(6, null), 2, 'all')).toEqual({ requests: 0, leftOut: 6 });
    // The few requests for which the device had room are not typical.
    expect(judgeWaiting([...traces, ...lacking(6, null)], 2, 'any-k')).toEqual({ requests: 6, leftOut: 6 });
    expect(judgeWaiting(lacking(6, 'never'), 2, 'any-k')).toEqual({ requests: 0, leftOut: 6 });
    expect(isPrediction(judgeWaiting(traces.slice(0, 4), 2, 'any-k'))).toBe(false);
  });

  it('are predicted from the sampled requests if answers of the others were canceled', () => {
    const sampled = traces.map((trace) => ({ ...trace, sampled: true as const }));
    expect(judgeWaiting([...sampled, ...lacking(40, 'never')], 2, 'any-k')).toMatchObject({
      requests: 6,
      leftOut: 0,
      anyK: 6,
      all: 30,
    });
  });

  it('add up the cost of the learned thresholds over the layers and average the decoded shares', () => {
    const layer = { step: 's', allDataMeanMs: null, requests: 64 };
    expect(
      adaptivePrediction([
        { ...layer, waitMs: 4, meanMs: 3.1, anyKMeanMs: 3, recoveredShare: 0.1, anyKRecoveredShare: 0.9 },
        { ...layer, waitMs: 7, meanMs: 5.3, anyKMeanMs: 5, recoveredShare: 0.3, anyKRecoveredShare: 0.7 },
      ]),
    ).toEqual({
      thresholdsMs: [4, 7],
      costMs: expect.closeTo(0.4, 9),
      recoveredShare: expect.closeTo(0.2, 9),
      anyKRecoveredShare: expect.closeTo(0.8, 9),
    });
    expect(adaptivePrediction([])).toBeNull();
    expect(adaptivePrediction(undefined)).toBeNull();
  });

  it('have a slider that fits the arrival times', () => {
    expect(slowArrivalMs([])).toBeNull();
    expect(slowArrivalMs([codedTrace([2, 7, 4]), codedTrace([1, 'never', null])])).toBe(7);
    // One stall in a hundred does not change the scale.
    expect(slowArrivalMs([codedTrace([900, 1, 2]), ...new Array(33).fill(codedTrace([2, 7, 4]))])).toBe(7);
    expect(sliderScale(null, 20)).toEqual({ max: 200, step: 1 });
    expect(sliderScale(7, 0)).toEqual({ max: 14, step: 0.07 });
    // The current threshold stays on the scale.
    expect(sliderScale(7, 100).max).toBe(100);
  });
});
