import { scaleLinear, scaleLog } from 'd3-scale';

/** The time axis of a chart. Pixels from its start. */
export interface TimeAxis {
  readonly x: (ms: number) => number;
  /** The labeled times, so far apart that their labels do not overlap. */
  readonly ticks: readonly number[];
}

/** Space for the label of a tick, such as "1000". */
const LABEL_PX = 44;

/**
 * @param endPx  space that the last label must leave free at the end of the axis
 */
export function timeAxis(
  { startMs, endMs, log }: { readonly startMs: number; readonly endMs: number; readonly log: boolean },
  widthPx: number,
  endPx = 0,
): TimeAxis {
  const x = (log ? scaleLog() : scaleLinear()).domain([startMs, endMs]).range([0, widthPx]).clamp(true);
  const candidates = log
    ? logTicks(startMs, endMs)
    : x.ticks(Math.max(2, Math.floor(widthPx / (1.5 * LABEL_PX))));
  return { x, ticks: spaced(candidates, x, widthPx - endPx) };
}

/** Returns 1, 2 and 5 times each power of ten on the axis; powers of ten first, because they are the most useful. */
function logTicks(startMs: number, endMs: number): number[] {
  const powers = Array.from(
    { length: Math.ceil(Math.log10(endMs / startMs)) + 2 },
    (_, index) => 10 ** (Math.floor(Math.log10(startMs)) + index),
  );
  return [...powers, ...powers.map((power) => 2 * power), ...powers.map((power) => 5 * power)].filter(
    (ms) => ms >= startMs * (1 - 1e-9) && ms <= endMs * (1 + 1e-9),
  );
}

function spaced(candidates: readonly number[], x: (ms: number) => number, lastPx: number): number[] {
  const kept: number[] = [];
  for (const ms of candidates) {
    const at = x(ms);
    if (at <= lastPx && kept.every((other) => Math.abs(x(other) - at) >= LABEL_PX)) kept.push(ms);
  }
  return kept.sort((a, b) => a - b);
}
