import type { AnswerDot } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { LaneBuffer } from './lane-buffer.ts';

const dot = (at: number, change: Partial<AnswerDot> = {}): AnswerDot => ({
  at,
  latencyMs: at / 10,
  outcome: 'answered',
  survived: false,
  ...change,
});

function visited(buffer: LaneBuffer, from: number) {
  const dots: [number, number, string][] = [];
  buffer.each(from, (...each) => dots.push(each));
  return dots;
}

describe('the buffer of a lane', () => {
  it('returns the dots of the shown time, with their kind', () => {
    const buffer = new LaneBuffer(10);
    buffer.add(dot(10));
    buffer.add(dot(20, { survived: true }));
    buffer.add(dot(30, { outcome: 'failed' }));
    buffer.add(dot(40, { outcome: 'wrong', survived: true }));
    expect(visited(buffer, 20)).toEqual([
      [20, 2, 'survived'],
      [30, 3, 'bad'],
      [40, 4, 'bad'],
    ]);
  });

  it('overwrites the oldest dots when it is full', () => {
    const buffer = new LaneBuffer(3);
    for (const at of [10, 20, 30, 40, 50]) buffer.add(dot(at));
    expect(visited(buffer, 0).map(([at]) => at)).toEqual([30, 40, 50]);
  });
});
