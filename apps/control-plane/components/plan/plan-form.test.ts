import type { ModelView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { device } from '../testing/view-fixtures.ts';
import {
  DISTRIBUTE_ANYWAY,
  firstPlanForm,
  incomplete,
  isDistributable,
  planRequest,
  toggleLayer,
  wholeAdvice,
} from './plan-form.ts';

const layer = (name: string) => ({
  name,
  op: 'Conv',
  outputDims: [1, 8],
  parameters: 10,
  multiplyAdds: 100,
  codable: true,
  reason: null,
});
const model: ModelView = {
  name: 'net',
  sha256: 'a'.repeat(64),
  bytes: 100,
  inputs: [],
  outputs: [],
  layers: [layer('a'), layer('b'), layer('c')],
  parameters: 30,
  createdAt: '2026-01-01T00:00:00Z',
};
const form = firstPlanForm(
  model,
  ['d1', 'd2', 'd3'].map((name) => device(name)),
  [],
);

describe('the choices of the plan editor', () => {
  it('start with k and r that fit the fleet', () => {
    expect(form).toMatchObject({ name: 'net', strategy: 'coded', k: 2, r: 1, layers: 'all' });
  });

  it('turn a rule into a list of layers when one layer is toggled', () => {
    expect(toggleLayer(form, model, new Set(['a', 'c']), 'b')).toEqual(['a', 'b', 'c']);
    expect(toggleLayer(form, model, new Set(['a', 'c']), 'c')).toEqual(['a']);
    expect(toggleLayer({ ...form, layers: ['c'] }, model, new Set(['a', 'b']), 'a')).toEqual(['a', 'c']);
  });

  it('request no parity for uncoded plans, and keep the input', () => {
    expect(planRequest({ ...form, strategy: 'uncoded', r: 2 }, 'net').r).toBe(0);
    expect(planRequest({ ...form, strategy: 'coded', r: 2 }, 'net').r).toBe(2);
  });

  it('request devices only, as the demo does, unless another objective is chosen', () => {
    expect(planRequest(form, 'net').objective).toBe('devices-only');
    expect(planRequest({ ...form, objective: 'latency' }, 'net').objective).toBe('latency');
  });

  it('request the chosen rescue, check and detection', () => {
    const chosen = { ...form, rescue: 'devices', verify: 'before', detectMs: 1_500 } as const;
    expect(planRequest(chosen, 'net').policy).toEqual({
      waitMs: 'any-k',
      rescue: 'devices',
      verify: 'before',
      detectMs: 1_500,
      deadlineMs: 11_500,
    });
  });

  it('are not used when the model runs whole, and the advice says how to distribute it', () => {
    expect(wholeAdvice({ layers: 'auto' }, model, { seats: [] })).toBe(
      'The model runs whole, so k and r are not used. To see a distributed plan, choose “All codable” under Layers.',
    );
    const fixed = wholeAdvice({ layers: 'all' }, model, { seats: [0, 1] });
    expect(fixed).toBe('The model runs whole, so k is not used, and r is the number of replicas.');
  });

  it('can replace the automatic choice by that of the demo, if a layer can be divided', () => {
    expect(isDistributable({ layers: 'auto' }, model)).toBe(true);
    expect(isDistributable({ layers: 'auto' }, { layers: [{ ...layer('a'), codable: false }] })).toBe(false);
    const anyway = Object.assign({}, form, { layers: 'auto', objective: 'latency' }, DISTRIBUTE_ANYWAY);
    expect(anyway).toMatchObject({ layers: 'all', objective: 'devices-only' });
    expect(isDistributable(anyway, model)).toBe(false);
  });

  it('are incomplete with an empty field or without layers', () => {
    expect(incomplete(form)).toBeNull();
    expect(incomplete({ ...form, k: Number.NaN })).toMatch(/for k/);
    expect(incomplete({ ...form, r: -1 })).toMatch(/for r/);
    expect(incomplete({ ...form, detectMs: 60_001 })).toMatch(/detection/);
    expect(incomplete({ ...form, layers: [] })).toMatch(/at least one/);
  });
});
