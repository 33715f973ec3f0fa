import { expect, it } from 'vitest';
import { SleepDetector } from './sleep-detector.ts';

it('reports a gap between ticks that is longer than the limit, and keeps the last one', () => {
  const detector = new SleepDetector(5_000, 1_000);
  detector.tick(1_500);
  detector.tick(6_500);
  expect(detector.last).toBeNull();
  detector.tick(48_500);
  expect(detector.last).toEqual({ endedAt: 48_500, ms: 42_000 });
  detector.tick(49_000);
  expect(detector.last).toEqual({ endedAt: 48_500, ms: 42_000 });
});

it('takes a clock that is set back for no sleep', () => {
  const detector = new SleepDetector(5_000, 100_000);
  detector.tick(20_000);
  detector.tick(20_500);
  expect(detector.last).toBeNull();
});
