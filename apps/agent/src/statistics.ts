import { readFileSync } from 'node:fs';
import type { DeviceStatistics } from '@sparewheel/protocol';

/** What this process says of itself once a second. */
export function measureProcess(): Pick<DeviceStatistics, 'rssBytes' | 'temperatureCelsius'> {
  return { rssBytes: process.memoryUsage.rss(), temperatureCelsius: readTemperature() };
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
