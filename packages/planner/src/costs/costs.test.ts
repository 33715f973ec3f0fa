import { expect, it } from 'vitest';
import { DEFAULT_COSTS, onDataPlane } from './costs.ts';
import { type SeatWork, stepTime } from './timeline.ts';

const speed = (memoryBytesPerSecond: number) => ({ multiplyAddsPerSecond: 1e9, memoryBytesPerSecond });

it('gives a slow data plane more time for each message and each byte', () => {
  const pi = onDataPlane(DEFAULT_COSTS, speed(2e9));
  expect(pi.messageMs).toBeCloseTo(10 * DEFAULT_COSTS.messageMs);
  expect(pi.engineCallMs).toBeCloseTo(10 * DEFAULT_COSTS.engineCallMs);
  expect(pi.messageBytesPerMs).toBeCloseTo(DEFAULT_COSTS.messageBytesPerMs / 10);
});

it('leaves the costs of a fast or unmeasured data plane unchanged', () => {
  expect(onDataPlane(DEFAULT_COSTS, speed(40e9))).toEqual(DEFAULT_COSTS);
  expect(onDataPlane(DEFAULT_COSTS, undefined)).toEqual(DEFAULT_COSTS);
});

it('makes devices wait for the bytes that the data plane sends to the devices before them', () => {
  const seats = (bytes: number): SeatWork[] =>
    [0, 1, 2, 3].map((seat) => ({
      seat,
      computeMs: 1,
      bytes,
      speed: { ...speed(1e12), cores: 1, machine: `m${seat}`, engine: 'native', hopMs: 0, bytesPerMs: 1e12 },
    }));
  const [none, some] = [0, 1e6].map((bytes) => stepTime(seats(bytes), 4, DEFAULT_COSTS).ms);
  expect(some! - none!).toBeCloseTo(4e6 / DEFAULT_COSTS.messageBytesPerMs, 3);
});
