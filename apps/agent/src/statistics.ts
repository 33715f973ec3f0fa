import { readFileSync } from 'node:fs';
import type { DeviceStatistics } from '@sparewheel/protocol';
import type { ComputeQueue } from './compute-queue.ts';
import type { ShardStore } from './shard-store.ts';

/** What a device says of itself once a second. */
export function collectStatistics(queue: ComputeQueue, store: ShardStore): DeviceStatistics {
  return {
    rssBytes: process.memoryUsage.rss(),
    storeBytes: store.bytes,
    inFlight: queue.inFlight,
    temperatureCelsius: readTemperature(),
  };
}

/** The first thermal zone, the processor's on a Raspberry Pi; null where the system does not say (Linux only). */
function readTemperature(): number | null {
  try {
    const celsius = Number(readFileSync('/sys/class/thermal/thermal_zone0/temp', 'utf8')) / 1_000;
    return Number.isFinite(celsius) ? celsius : null;
  } catch {
    return null;
  }
}
