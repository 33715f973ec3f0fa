import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ArrivalDistribution,
  delayed,
  empirical,
  empiricalFromCsv,
  exponential,
  logNormal,
  shiftedExponential,
} from './arrival-distribution.ts';
import { InvalidArgumentError } from './errors.ts';
import { codedCompletion, kthArrival } from './order-statistics.ts';
import { seededRandom } from './testing/random.ts';

const figureOne = new URL('../../../../shared/paper/fig1.csv', import.meta.url);
/** The main points of figure 1: a substitute if the file is missing. */
const likeFigureOne = empirical([
  [50, 0],
  [80, 0.143],
  [120, 0.544],
  [200, 0.941],
  [300, 0.981],
  [500, 1],
]);

const kinds: Record<string, ArrivalDistribution> = {
  exponential: exponential(20),
  'shifted exponential': shiftedExponential(50, 30),
  'log-normal': logNormal(100, 0.5),
  empirical: likeFigureOne,
  delayed: delayed(logNormal(20, 1), 30),
};

const harmonic = (n: number) => Array.from({ length: n }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b, 0);

describe('order statistics', () => {
  it('equal mean · (H_n − H_{n−k}) for exponential arrivals', () => {
    for (const n of [1, 2, 5, 13, 36]) {
      for (let k = 1; k <= n; k += Math.max(1, n >> 2)) {
        const { meanMs } = kthArrival(k, new Array(n).fill(exponential(20)));
        expect(meanMs / (20 * (harmonic(n) - harmonic(n - k)))).toBeCloseTo(1, 9);
        const shifted = kthArrival(k, new Array(n).fill(shiftedExponential(50, 20)));
        expect(shifted.meanMs - 50).toBeCloseTo(meanMs, 6);
      }
    }
  });

  it('equal k / (n + 1) for uniform arrivals', () => {
    const uniform = empirical([
      [0, 0],
      [1, 1],
    ]);
    for (let k = 1; k <= 7; k++)
      expect(kthArrival(k, new Array(7).fill(uniform)).meanMs).toBeCloseTo(k / 8, 12);
  });

  it('equal the distribution itself for k = n = 1', () => {
    for (const [name, arrival] of Object.entries(kinds)) {
      const one = kthArrival(1, [arrival]);
      expect(one.meanMs / arrival.meanMs, name).toBeCloseTo(1, 6);
      for (const p of [0.01, 0.5, 0.99]) {
        expect(one.quantile(p) / arrival.quantile(p), name).toBeCloseTo(1, 9);
        expect(arrival.cdf(arrival.quantile(p)), name).toBeCloseTo(p, 9);
      }
    }
  });

  it('agree with Monte Carlo for different devices and every kind of threshold', () => {
    const names = Object.keys(kinds);
    const data = names.slice(0, 4).map((name) => kinds[name]!);
    const parity = [delayed(logNormal(20, 1), 30), shiftedExponential(50, 30)];
    const random = seededRandom(11);
    const samples = 20_000;
    for (const threshold of ['any-k', 'all', 90, 140] as const) {
      const predicted = codedCompletion(data, parity, threshold);
      const wait = threshold === 'any-k' ? 0 : threshold === 'all' ? Number.POSITIVE_INFINITY : threshold;
      let sum = 0;
      let squares = 0;
      let early = 0;
      const median = predicted.quantile(0.5);
      for (let i = 0; i < samples; i++) {
        const times = [...data, ...parity].map((arrival) => arrival.quantile(random()));
        const allData = Math.max(...times.slice(0, data.length));
        const anyK = times.toSorted((a, b) => a - b)[data.length - 1]!;
        const time = Math.min(allData, Math.max(wait, anyK));
        sum += time;
        squares += time * time;
        if (time <= median) early++;
      }
      const mean = sum / samples;
      const standardError = Math.sqrt((squares / samples - mean ** 2) / samples);
      expect(Math.abs(predicted.meanMs - mean), `${threshold}, seed 11`).toBeLessThan(4 * standardError);
      // The distribution function jumps at the threshold, so the median may be inside the jump.
      const share = predicted.cdf(median);
      const shareError = Math.sqrt((share * (1 - share)) / samples);
      expect(Math.abs(early / samples - share), `${threshold}, seed 11`).toBeLessThan(4 * shareError);
    }
  });

  it('grow with the threshold, from any-k to all', () => {
    const data = new Array<ArrivalDistribution>(4).fill(likeFigureOne);
    const mean = (threshold: number | 'any-k' | 'all') =>
      codedCompletion(data, [likeFigureOne], threshold).meanMs;
    const means = [mean('any-k'), ...[50, 100, 150, 200, 300].map(mean), mean('all')];
    expect(means).toEqual(means.toSorted((a, b) => a - b));
    expect(mean(0)).toBeCloseTo(mean('any-k'), 12);
    expect(mean(1e6)).toBeCloseTo(mean('all'), 9);
  });

  it.skipIf(!existsSync(figureOne))("read the paper's figure 1 (skipped if the file is missing)", () => {
    const arrival = empiricalFromCsv(readFileSync(figureOne, 'utf8'));
    expect(arrival.meanMs).toBeCloseTo(126.8, 1);
    expect(arrival.cdf(100)).toBeCloseTo(0.347, 12);
    expect(arrival.cdf(1000)).toBe(1);
    expect(arrival.cdf(10)).toBe(0);
    const four = new Array<ArrivalDistribution>(4).fill(arrival);
    const gain =
      1 - codedCompletion(four, [arrival], 'any-k').meanMs / codedCompletion(four, [], 'all').meanMs;
    expect(gain).toBeGreaterThan(0.1);
    expect(gain).toBeLessThan(0.4);
  });

  it('reject invalid distributions', () => {
    expect(() => exponential(0)).toThrow(InvalidArgumentError);
    expect(() => shiftedExponential(-1, 1)).toThrow(InvalidArgumentError);
    expect(() => logNormal(Number.NaN, 1)).toThrow(InvalidArgumentError);
    expect(() => empirical([[0, 0]])).toThrow(InvalidArgumentError);
    expect(() =>
      empirical([
        [0, 0],
        [5, 0.5],
        [4, 1],
      ]),
    ).toThrow(InvalidArgumentError);
    expect(() => empiricalFromCsv('0,0\n1,one')).toThrow('line 2');
    expect(() => kthArrival(3, [exponential(1)])).toThrow(InvalidArgumentError);
    expect(() => codedCompletion([exponential(1)], [], -1)).toThrow(InvalidArgumentError);
  });
});
