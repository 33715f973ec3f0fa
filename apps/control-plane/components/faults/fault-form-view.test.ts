import { faultRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, FIRST_FAULT, faultChoice, faultProblem } from './fault-form-view.ts';

describe('a fault with parameters', () => {
  it('is valid for the API, and so is its undo request', () => {
    for (const { value } of FAULT_KINDS) {
      const { request, undo } = faultChoice({ ...FIRST_FAULT, kind: value });
      expect(faultRequestSchema.safeParse(request).success, value).toBe(true);
      expect(faultRequestSchema.safeParse(undo).success, value).toBe(true);
    }
  });

  it('describes its effect with the chosen numbers', () => {
    expect(faultChoice({ ...FIRST_FAULT, kind: 'drop', dropPercent: 12 })).toMatchObject({
      effect: 'drops 12 % of its answers',
      request: { kind: 'drop', probability: 0.12 },
    });
    expect(faultChoice({ ...FIRST_FAULT, delayMs: 65, sigma: 0.6 }).effect).toMatch(
      /median 65 ms.*sigma 0.6/,
    );
  });

  it('is rejected with an empty field or beyond the limits of the API', () => {
    expect(faultProblem(FIRST_FAULT)).toBeNull();
    expect(faultProblem({ ...FIRST_FAULT, delayMs: Number.NaN })).toMatch(/enter a number/);
    expect(faultProblem({ ...FIRST_FAULT, sigma: 4 })).toMatch(/from 0 to 3/);
    expect(faultProblem({ ...FIRST_FAULT, kind: 'corrupt', amount: 0 })).toMatch(/other than 0/);
    // The fields of other faults are ignored.
    expect(faultProblem({ ...FIRST_FAULT, kind: 'pause', sigma: 4 })).toBeNull();
  });
});
