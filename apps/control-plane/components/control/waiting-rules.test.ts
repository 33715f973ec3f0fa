import { describe, expect, it } from 'vitest';
import { codedTrace } from '../testing/view-fixtures.ts';
import { sliderScale } from './policy.ts';
import { adaptivePrediction, judgeWaiting, slowArrivalMs } from './waiting-rules.ts';

describe('the waiting rules', () => {
  it('leave out requests with a missing answer and count them', () => {
    const traces = [
      ...Array.from({ length: 6 }, (_, at) => codedTrace([2, 30, 6], at)),
      codedTrace([2, 'never', 6], 9),
    ];
    expect(judgeWaiting(traces, 2, 10)).toMatchObject({ requests: 6, leftOut: 1, all: 30, chosen: 10 });
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
