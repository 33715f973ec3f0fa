import { PlanRefusedError } from './errors.ts';
import type { SeatSummary } from './plan.ts';
import type { DeviceCapacity } from './seating.ts';

/** The first seat, from the most demanding on, that does not fit on the device that would hold it. */
export interface Misfit {
  readonly weightsBytes: number;
  readonly memoryBytes: number;
}

/**
 * Whether the seats fit on their devices: on those given where the plan depends on who sits where, else the most
 * demanding seat on the largest device, and so on down.
 * @param pinned  devices by seat, or null
 */
export function misfit(
  seats: readonly SeatSummary[],
  devices: readonly DeviceCapacity[],
  pinned: readonly DeviceCapacity[] | null,
): Misfit | null {
  const demands = [...seats].sort((a, b) => b.weightsBytes - a.weightsBytes);
  const memory = devices
    .map(({ memoryBytes }) => memoryBytes ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => b - a);
  for (const [index, { seat, weightsBytes }] of demands.entries()) {
    const memoryBytes = pinned
      ? (pinned[seat]?.memoryBytes ?? Number.POSITIVE_INFINITY)
      : (memory[index] ?? Number.POSITIVE_INFINITY);
    if (weightsBytes > memoryBytes) return { weightsBytes, memoryBytes };
  }
  return null;
}

/** @param fitting  the smallest k that would fit on the devices at hand, or null */
export function tooLittleMemory(
  { weightsBytes, memoryBytes }: Misfit,
  fitting: number | null,
): PlanRefusedError {
  const excess = megabytes(weightsBytes - memoryBytes);
  return new PlanRefusedError(
    'TOO_LITTLE_MEMORY',
    `a shard of ${megabytes(weightsBytes)} MB is ${excess} MB too large for the device that would hold it, which has ${megabytes(memoryBytes)} MB for weights`,
    fitting === null
      ? `no k fits on the devices at hand; it takes more of them, or devices with ${megabytes(weightsBytes)} MB`
      : `k = ${fitting} would fit on the devices at hand`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
