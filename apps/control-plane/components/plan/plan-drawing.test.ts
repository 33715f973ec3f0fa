import type { Plan } from '@sparewheel/planner';
import { describe, expect, it } from 'vitest';
import { plan as emptyPlan, planSeat } from '../testing/view-fixtures.ts';
import { describeStep, drawPlan } from './plan-drawing.ts';

const plan: Plan = emptyPlan({
  steps: [
    {
      kind: 'coded',
      id: 's0',
      layer: 'fc',
      node: 0,
      op: 'Gemm',
      feed: 'x',
      fetch: 'y',
      axis: 1,
      blocks: [
        { start: 0, rows: 4 },
        { start: 4, rows: 4 },
      ],
      height: 4,
      dataShards: 2,
      parityShards: 1,
      seats: [0, 1, 2],
      multiplyAdds: 100,
    },
    { kind: 'local', id: 's1', summary: 'Relu', feeds: ['y'], fetches: ['z'], nodes: [1] },
  ],
  seats: [planSeat(0, 'data', 400), planSeat(1, 'data', 200), planSeat(2, 'parity', 400)],
  decisions: [{ layer: 'fc', op: 'Gemm', distributed: true, reason: 'worth it' }],
  coverage: 1,
});

describe('the drawing of a plan', () => {
  it('names each seat by its role and compares it with the largest', () => {
    expect(drawPlan(plan).seats.map(({ label, share }) => [label, share])).toEqual([
      ['Data 0', 1],
      ['Data 1', 0.5],
      ['Parity 2', 1],
    ]);
    expect(drawPlan(plan).bytesMoved).toBe(45);
  });

  it('calls a divided step without parity uncoded', () => {
    const [first, ...rest] = plan.steps;
    const steps = [
      { ...(first as Extract<Plan['steps'][number], { kind: 'coded' }>), parityShards: 0 },
      ...rest,
    ];
    const [uncoded] = drawPlan({ ...plan, steps }).steps;
    expect(uncoded!.kind).toBe('uncoded');
    expect(describeStep(uncoded!)).toContain('fc: uncoded, 2 + 0 shards');
  });

  it('says where a layer is that is not distributed', () => {
    expect(drawPlan(plan).elsewhere).toBe('local');
    const steps = [
      {
        kind: 'replicated' as const,
        id: 's0',
        summary: 'Gemm',
        feeds: [],
        fetches: [],
        nodes: [0],
        seats: [0, 1],
      },
    ] as unknown as Plan['steps'];
    expect(drawPlan({ ...plan, steps }).elsewhere).toBe('replicated');
    expect(drawPlan({ ...plan, steps, runsWhole: 'Runs whole on one device' }).elsewhere).toBe(
      'whole on one device',
    );
  });

  it('has no latency without a prediction', () => {
    const drawing = drawPlan(plan);
    expect(drawing).toMatchObject({
      predictedMs: null,
      dataPlaneWeightsBytes: null,
      drawnTo: 'multiply-adds',
    });
    expect(describeStep(drawing.steps[0]!)).toBe('fc: coded, 2 + 1 shards of 4 rows · 100 multiply-adds');
  });

  it('shows the predicted time as widths', () => {
    const step = { kind: 'local' as const, what: 'x', seats: [] };
    const explanation = {
      predictedMs: 4,
      dataPlaneWeightsBytes: 3000,
      measured: true,
      steps: [
        { ...step, step: 's0', ms: 3, bytes: 45 },
        { ...step, step: 's1', ms: 1, bytes: 0 },
      ],
      seats: [{ ...planSeat(0, 'data', 400), device: 'pi', computeMs: 1, memoryBytes: 1e9 }],
      coverage: 1,
      notDistributed: [],
      runsWhole: null,
    };
    const drawing = drawPlan({ ...plan, explanation });
    expect(drawing).toMatchObject({
      predictedMs: 4,
      dataPlaneWeightsBytes: 3000,
      measured: true,
      drawnTo: 'predicted time',
    });
    expect(drawing.steps.map(({ share }) => share)).toEqual([0.75, 0.25]);
    expect(drawing.seats.map(({ memoryBytes, device }) => [memoryBytes, device])).toEqual([
      [1e9, 'pi'],
      [null, null],
      [null, null],
    ]);
  });
});
