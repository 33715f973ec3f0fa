/** Whether a page that stays open grows. */
import type { PageMeter } from './page-meter.ts';

export interface MemorySample {
  readonly minute: number;
  readonly heapMb: number;
  readonly nodes: number;
  readonly listeners: number;
}

const SAMPLES_PER_MINUTE = 2;

/** Samples what is reachable twice a minute; the first half minute fills caches and is left out. */
export async function memoryOverTime(meter: PageMeter, minutes: number): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const everyMs = 60_000 / SAMPLES_PER_MINUTE;
  for (let sample = 1; sample <= Math.max(3, minutes * SAMPLES_PER_MINUTE); sample++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const { heapBytes, nodes, listeners } = await meter.memory();
    samples.push({ minute: sample / SAMPLES_PER_MINUTE, heapMb: heapBytes / 2 ** 20, nodes, listeners });
  }
  return samples;
}

/**
 * Growth between the second and the last third of the samples, as a share of the level. The first third is warm-up:
 * windows of the last minutes fill up there, and stay full.
 */
export function growth(samples: readonly MemorySample[]): { heap: number; nodes: number } {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const mean = (part: readonly MemorySample[], of: 'heapMb' | 'nodes') =>
    part.reduce((sum, sample) => sum + sample[of], 0) / part.length;
  const between = (of: 'heapMb' | 'nodes') => {
    const before = mean(samples.slice(-2 * third, -third), of);
    return (mean(samples.slice(-third), of) - before) / before;
  };
  return { heap: between('heapMb'), nodes: between('nodes') };
}
