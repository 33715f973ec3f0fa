import type { Tensor } from '@sparewheel/protocol';
import { Random } from '@sparewheel/runtime/random';
import { describe, expect, it } from 'vitest';
import { Faults } from './faults.ts';

/** Returns a seeded generator of uniform numbers in [0, 1). */
function seeded(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

const floats = (...values: number[]): Tensor => ({
  type: 'float32',
  dims: [values.length],
  data: Float32Array.from(values),
});

describe('faults', () => {
  it('have no effect before one is set', () => {
    const faults = new Faults(seeded(1), () => {});
    const answer = floats(1, 2, 3);
    faults.corrupt([answer]);
    expect(answer.data).toEqual(Float32Array.of(1, 2, 3));
    expect([faults.answerDelayMs(), faults.slowFactor, faults.drops(), faults.partitioned]).toEqual([
      0,
      1,
      false,
      false,
    ]);
  });

  it('are independent, replace their own kind, and all end with heal', () => {
    const changes: boolean[] = [];
    const faults = new Faults(seeded(2), (partitioned) => changes.push(partitioned));
    faults.set({ kind: 'delay', ms: 5, sigma: 0 });
    faults.set({ kind: 'slow', factor: 3 });
    faults.set({ kind: 'drop', probability: 1 });
    faults.set({ kind: 'partition' });
    faults.set({ kind: 'partition' });
    faults.set({ kind: 'delay', ms: 7, sigma: 0 });
    expect([faults.answerDelayMs(), faults.slowFactor, faults.drops()]).toEqual([7, 3, true]);
    faults.set({ kind: 'heal' });
    expect([faults.answerDelayMs(), faults.slowFactor, faults.drops()]).toEqual([0, 1, false]);
    expect(changes).toEqual([true, false]);
  });

  it('delay log-normally with the given median and sigma', () => {
    const faults = new Faults(seeded(3), () => {});
    faults.set({ kind: 'delay', ms: 20, sigma: 0.5 });
    const logs = Array.from({ length: 20_000 }, () => Math.log(faults.answerDelayMs())).sort((a, b) => a - b);
    const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
    const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length);
    // Five standard errors of 20 000 samples.
    expect(Math.abs(logs[10_000]! - Math.log(20))).toBeLessThan(5 * 0.5 * Math.sqrt(Math.PI / 2 / 20_000));
    expect(Math.abs(deviation - 0.5)).toBeLessThan(5 * (0.5 / Math.sqrt(40_000)));
  });

  it('delay by the given quantiles, linear between their points, on top of the constant', () => {
    const faults = new Faults(seeded(6), () => {});
    const quantiles = [
      { ms: 10, share: 0 },
      { ms: 20, share: 0.5 },
      { ms: 100, share: 0.9 },
      { ms: 400, share: 1 },
    ];
    faults.set({ kind: 'delay', ms: 5, sigma: 0, quantiles });
    const delays = Array.from({ length: 20_000 }, () => faults.answerDelayMs() - 5);
    const below = (ms: number) => delays.filter((delay) => delay < ms).length / delays.length;
    // Five standard errors of a share of 20 000 samples.
    const error = 5 * Math.sqrt(0.25 / 20_000);
    for (const [ms, share] of [
      [15, 0.25],
      [20, 0.5],
      [60, 0.7],
      [100, 0.9],
    ] as const) {
      expect(Math.abs(below(ms) - share)).toBeLessThan(error);
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...delays)).toBeLessThan(400);
    faults.set({ kind: 'delay', ms: 0, sigma: 0 });
    expect(faults.answerDelayMs()).toBe(0);
  });

  it('drop and corrupt with the given probabilities', () => {
    const faults = new Faults(seeded(4), () => {});
    faults.set({ kind: 'drop', probability: 0.3 });
    faults.set({ kind: 'corrupt', amount: 0.5, probability: 0.7 });
    let dropped = 0;
    let corrupted = 0;
    for (let i = 0; i < 10_000; i++) {
      if (faults.drops()) dropped++;
      const answer = floats(1, 1, 1, 1);
      faults.corrupt([answer]);
      const wrong = [...(answer.data as Float32Array)].filter((value) => value !== 1);
      expect(wrong.length).toBeLessThanOrEqual(1);
      if (wrong.length === 1) {
        expect(wrong[0]).toBe(1.5);
        corrupted++;
      }
    }
    expect(Math.abs(dropped / 10_000 - 0.3)).toBeLessThan(0.025);
    expect(Math.abs(corrupted / 10_000 - 0.7)).toBeLessThan(0.025);
  });

  it('change float16 answers', () => {
    const faults = new Faults(seeded(5), () => {});
    const halves: Tensor = { type: 'float16', dims: [1], data: Uint16Array.of(0x3c00) };
    faults.set({ kind: 'corrupt', amount: 1, probability: 1 });
    faults.corrupt([halves]);
    expect(halves.data).toEqual(Uint16Array.of(0x4000));
  });

  it('change int32 answers by an integer, and no other integers or empty answers', () => {
    const faults = new Faults(seeded(5), () => {});
    const integers: Tensor = { type: 'int32', dims: [1], data: Int32Array.of(4) };
    const bytes: Tensor = { type: 'uint8', dims: [1], data: Uint8Array.of(4) };
    for (const [amount, changed] of [
      [0.2, 5],
      [-0.2, 4],
      [2.6, 7],
    ] as const) {
      faults.set({ kind: 'corrupt', amount, probability: 1 });
      faults.corrupt([bytes, floats(), integers]);
      expect(integers.data).toEqual(Int32Array.of(changed));
    }
    expect(bytes.data).toEqual(Uint8Array.of(4));
  });
});
