import type { ModelView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { device } from '../testing/view-fixtures.ts';
import { firstPlanForm, incomplete, planRequest, toggleLayer } from './plan-form.ts';

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

describe('the plan editor’s choice', () => {
  it('begins with what the fleet has room for', () => {
    expect(form).toMatchObject({ name: 'net', strategy: 'coded', k: 2, r: 1, layers: 'auto' });
  });

  it('turns a rule into the names that the rule gave when one layer is switched', () => {
    expect(toggleLayer(form, model, new Set(['a', 'c']), 'b')).toEqual(['a', 'b', 'c']);
    expect(toggleLayer(form, model, new Set(['a', 'c']), 'c')).toEqual(['a']);
    expect(toggleLayer({ ...form, layers: ['c'] }, model, new Set(['a', 'b']), 'a')).toEqual(['a', 'c']);
  });

  it('asks for no parity where nothing is to spare, and keeps what was typed', () => {
    expect(planRequest({ ...form, strategy: 'uncoded', r: 2 }, 'net').r).toBe(0);
    expect(planRequest({ ...form, strategy: 'coded', r: 2 }, 'net').r).toBe(2);
  });

  it('does not ask the planner with a field that is empty or a choice of no layer', () => {
    expect(incomplete(form)).toBeNull();
    expect(incomplete({ ...form, k: Number.NaN })).toMatch(/^k is/);
    expect(incomplete({ ...form, r: -1 })).toMatch(/^r is/);
    expect(incomplete({ ...form, layers: [] })).toMatch(/at least one/);
  });
});
