import { faultRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, FIRST_FAULT, faultChoice, faultProblem } from './fault-form-view.ts';

describe('a fault with parameters', () => {
  it('is one that the API takes, and so is what undoes it', () => {
    for (const { value } of FAULT_KINDS) {
      const { request, undo } = faultChoice({ ...FIRST_FAULT, kind: value });
      expect(faultRequestSchema.safeParse(request).success, value).toBe(true);
      expect(faultRequestSchema.safeParse(undo).success, value).toBe(true);
    }
  });

  it('says what it will do with the numbers that were typed', () => {
    expect(faultChoice({ ...FIRST_FAULT, kind: 'drop', dropPercent: 12 })).toMatchObject({
      effect: 'keeps 12 % of its answers to itself',
      request: { kind: 'drop', probability: 0.12 },
    });
    expect(faultChoice({ ...FIRST_FAULT, delayMs: 65, sigma: 0.6 }).effect).toMatch(
      /median 65 ms.*sigma 0.6/,
    );
  });

  it('is not inflicted with an empty field or beyond the API’s limits', () => {
    expect(faultProblem(FIRST_FAULT)).toBeNull();
    expect(faultProblem({ ...FIRST_FAULT, delayMs: Number.NaN })).toMatch(/missing/);
    expect(faultProblem({ ...FIRST_FAULT, sigma: 4 })).toMatch(/from 0 to 3/);
    // A field of another kind of fault is nobody's business.
    expect(faultProblem({ ...FIRST_FAULT, kind: 'pause', sigma: 4 })).toBeNull();
  });
});
