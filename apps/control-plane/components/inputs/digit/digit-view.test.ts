import type { RescueRule } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { deployment } from '../../testing/view-fixtures.ts';
import { killHint } from '../answer-note.tsx';
import { digitInput, readClassification } from './digit-view.ts';
import { SAMPLE_STROKES } from './sample-strokes.ts';

const logits = [-3, 0, 1, 9, 0, 0, -1, 2, 0, 0.5];

describe('the digit canvas', () => {
  it('needs one float32 input of 1 × 1 × 28 × 28, or with a free batch size', () => {
    const dims = (...shape: number[]) =>
      deployment(4, 1, { inputs: [{ name: 'x', type: 'float32', dims: shape }] });
    expect(digitInput(dims(1, 1, 28, 28))?.name).toBe('x');
    expect(digitInput(dims(-1, 1, 28, 28))?.name).toBe('x');
    expect(digitInput(dims(1, 3, 224, 224))).toBeNull();
    expect(digitInput(dims(784))).toBeNull();
    expect(digitInput(null)).toBeNull();
  });

  it('promises the result only as long as the fleet keeps it', () => {
    const hint = (r: number, overrides: Parameters<typeof deployment>[2]) =>
      killHint(deployment(4, r, { planned: { k: 4, r }, ...overrides }), 'draw');
    const under = (rescue: RescueRule) => ({ policy: { ...deployment(4, 1).policy, rescue } });
    expect(hint(1, under('off'))).toContain('Kill one device');
    expect(hint(2, under('off'))).toContain('up to 2 devices');
    expect(hint(0, under('off'))).toContain('waits for its seat');
    // An uncoded twin: its objective is `latency`, but the data plane does not rescue.
    expect(hint(0, { objective: 'latency', ...under('devices') })).toContain('waits until another device');
    expect(hint(0, under('data-plane'))).toContain('stays the same');
    for (const state of ['unavailable', 'preparing'] as const) {
      expect(hint(1, { ...under('off'), state })).not.toContain('stays the same');
    }
  });

  it('converts logits to probabilities and keeps probabilities', () => {
    const read = readClassification(logits);
    expect(read.digit).toBe(3);
    expect(read.probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    const sure = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    expect(readClassification(sure).probabilities).toEqual(sure);
  });

  it('rejects an answer that is not ten finite scores', () => {
    expect(() => readClassification([1, 2])).toThrow(/2 values/);
    expect(() => readClassification([...logits.slice(1), Number.NaN])).toThrow();
  });

  it('has a sample of every digit inside the canvas', () => {
    expect(SAMPLE_STROKES).toHaveLength(10);
    for (const [x, y] of SAMPLE_STROKES.flat(2)) {
      expect(x).toBeGreaterThan(0.1);
      expect(x).toBeLessThan(0.9);
      expect(y).toBeGreaterThan(0.1);
      expect(y).toBeLessThan(0.9);
    }
  });
});
