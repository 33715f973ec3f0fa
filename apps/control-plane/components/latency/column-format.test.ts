import { describe, expect, it } from 'vitest';
import { columnFormat } from './column-format.ts';

const column = (...times: (number | null)[]) => {
  const format = columnFormat(times);
  return times.map((ms) => (ms === null ? null : format(ms)));
};

describe('a column of times', () => {
  it('has one number of decimals and one unit', () => {
    expect(column(4.2123, 12.3, 123)).toEqual(['4.21 ms', '12.30 ms', '123.00 ms']);
    expect(column(12.34, 99)).toEqual(['12.3 ms', '99.0 ms']);
    expect(column(123.4, 250)).toEqual(['123 ms', '250 ms']);
    expect(column(4.2123, 1_010)).toEqual(['4.2 ms', '1,010.0 ms']);
    expect(column(1_010, 12_345)).toEqual(['1.01 s', '12.35 s']);
  });

  it('ignores times that do not exist', () => {
    expect(column(null, 12.34, 0)).toEqual([null, '12.3 ms', '0.0 ms']);
    expect(columnFormat([])(1)).toBe('1.00 ms');
  });
});
