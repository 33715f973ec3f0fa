import type { Plan } from '@sparewheel/planner';
import { describe, expect, it } from 'vitest';
import { plan, planSeat } from '../testing/view-fixtures.ts';
import { drawPlan, type ExplainedPlan } from './plan-drawing.ts';
import { planOutlook } from './plan-outlook.ts';

const whole = plan({
  decisions: [
    { layer: 'fc1', distributed: false, reason: 'runs whole' },
    { layer: 'fc2', distributed: false, reason: 'runs whole' },
  ] as unknown as Plan['decisions'],
  predictions: {
    plan: { ms: 1.25, megabytes: 0 },
    device: { ms: 14, megabytes: 0.0132 },
    dataPlane: { ms: 1.25, megabytes: 0 },
  },
  runsWhole: 'Runs whole on the data plane: distributed it would be 11 × slower',
});
const coded: ExplainedPlan = {
  ...whole,
  steps: [
    { id: 's0', kind: 'coded', layer: 'fc1', dataShards: 2, parityShards: 1, height: 4, multiplyAdds: 9 },
    { id: 's1', kind: 'local', summary: 'Relu' },
  ] as unknown as Plan['steps'],
  seats: [planSeat(0, 'data'), planSeat(1, 'data'), planSeat(2, 'parity')],
  decisions: [
    { layer: 'fc1', distributed: true, reason: '' },
    { layer: 'fc2', distributed: false, reason: '' },
  ] as unknown as Plan['decisions'],
  coverage: 1,
  predictions: { ...whole.predictions!, plan: { ms: 13.4, megabytes: 0.0012 }, device: null },
  runsWhole: null,
};
const outlookOf = (plan: ExplainedPlan) => planOutlook(drawPlan(plan), (id) => `name of ${id}`);

describe('the outlook of a plan', () => {
  it('says that nothing is distributed, and does not promise redundancy', () => {
    const outlook = outlookOf(whole);
    expect(outlook.headline).toBe('Runs whole on the data plane: distributed it would be 11 × slower.');
    expect(outlook.where).toContain('No device has a part');
    expect(outlook.survives).toBe('The failure of a device changes nothing.');
    expect(outlook.rows).toEqual([
      { label: 'This plan', ms: '1.3 ms', traffic: '0.0 KB' },
      { label: 'One device alone', ms: '14.0 ms', traffic: '13.2 KB' },
      { label: 'Data plane alone', ms: '1.3 ms', traffic: '0.0 KB' },
    ]);
  });

  it('says what is distributed over how many devices, and what that survives', () => {
    const outlook = outlookOf(coded);
    expect(outlook.headline).toBe('Distributes 1 of 2 linear layers over 3 devices.');
    expect(outlook.where).toBe('Any 3 devices that fit; the data plane runs the rest.');
    expect(outlook.survives).toBe('Survives any 1 of 3 devices for 50 % more hardware.');
    expect(outlook.rows[1]).toEqual({ label: 'One device alone', ms: 'too little memory', traffic: '–' });
  });

  it('names the devices that the plan requires', () => {
    const seats = coded.seats.map((each, at) => ({ ...each, ms: null, memoryBytes: null, device: `d${at}` }));
    const explanation = { steps: [], seats } as unknown as NonNullable<ExplainedPlan['explanation']>;
    expect(outlookOf({ ...coded, explanation }).where).toBe(
      'name of d0 (data), name of d1 (data), name of d2 (parity); the data plane runs the rest.',
    );
  });

  it('counts replicas and uncoded devices as what they are', () => {
    const replicas = { ...whole, seats: [planSeat(0, 'replica'), planSeat(1, 'replica')], coverage: 1 };
    expect(outlookOf(replicas).survives).toBe('Survives the failure of any one device.');
    const uncoded = { ...coded, seats: coded.seats.slice(0, 2), coverage: 0 };
    expect(outlookOf(uncoded).survives).toBe('Survives no failure: all 2 devices are needed.');
  });
});
