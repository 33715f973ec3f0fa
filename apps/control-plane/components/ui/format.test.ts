import { describe, expect, it } from 'vitest';
import {
  bytesColumn,
  formatAgo,
  formatBytes,
  formatCount,
  formatDims,
  formatIn,
  formatMagnitude,
  formatMs,
  formatPercent,
  msColumn,
} from './format.ts';

describe('numbers', () => {
  it('have three digits and a unit', () => {
    expect([0.417, 4.211, 42.06, 421.4, 4211, null].map(formatMs)).toEqual([
      '0.42 ms',
      '4.21 ms',
      '42.1 ms',
      '421 ms',
      '4.21 s',
      '–',
    ]);
    expect([0, 999, 48_300_000, 2.1e9].map(formatBytes)).toEqual(['0 B', '999 B', '48.3 MB', '2.10 GB']);
    expect([12, 61_706, 138e6].map(formatMagnitude)).toEqual(['12', '61.7 k', '138 M']);
    expect(formatCount(1234567)).toBe('1,234,567');
    expect([1, 0.934].map((share) => formatPercent(share))).toEqual(['100 %', '93.4 %']);
    expect(formatDims([1, -1, 28])).toBe('1 × any × 28');
  });

  it('show a past time as an age, and a future time as now', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const after = (seconds: number) => formatAgo(at, Date.parse(at) + seconds * 1000);
    expect([-5, 1, 12, 200, 7300, 200_000].map(after)).toEqual([
      'just now',
      'just now',
      '12 s ago',
      '3 min ago',
      '2 h ago',
      '2 d ago',
    ]);
  });

  it('use one unit and one number of decimals in a column', () => {
    const column = (values: (number | null)[], of: typeof msColumn) => {
      const format = of(values);
      return values.map((value) => formatIn(format, value));
    };
    expect(column([7.67, 12, 119, null], msColumn)).toEqual(['8 ms', '12 ms', '119 ms', '–']);
    expect(column([0.42, 12], msColumn)).toEqual(['0.4 ms', '12.0 ms']);
    expect(column([0.004, 4.2], msColumn)).toEqual(['0.00 ms', '4.20 ms']);
    expect(column([800, 1_200], msColumn)).toEqual(['0.80 s', '1.20 s']);
    expect(column([99.9e6, 106e6], bytesColumn)).toEqual(['100 MB', '106 MB']);
    expect(column([0, 12_000, 400e6], bytesColumn)).toEqual(['0.00 MB', '0.01 MB', '400.00 MB']);
    expect(column([0, 12], bytesColumn)).toEqual(['0 B', '12 B']);
    expect(column([], msColumn)).toEqual([]);
  });
});
