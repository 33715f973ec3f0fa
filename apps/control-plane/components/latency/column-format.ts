/** A column of times with one unit and one number of decimals, so that its numbers can be compared at a glance. */

/** The largest number of decimals beside a time of a second or more. Histograms are exact to 0.1 %. */
const DECIMALS_BESIDE_SECONDS = 1;

/**
 * Returns a formatter for the times of one column: "4.21 ms" and "12.30 ms". The smallest time decides the decimals. The
 * unit is seconds if every time is at least a second.
 * @param column  the times in milliseconds; null for a time that does not exist
 */
export function columnFormat(column: readonly (number | null)[]): (ms: number) => string {
  const times = column.filter((ms): ms is number => ms !== null && Number.isFinite(ms) && ms > 0);
  const smallest = Math.min(...times);
  const largest = Math.max(...times);
  if (times.length === 0) return (ms) => `${format(ms, 2)} ms`;
  if (smallest >= 1_000) return (ms) => `${format(ms / 1_000, decimals(smallest / 1_000))} s`;
  const most = largest >= 1_000 ? DECIMALS_BESIDE_SECONDS : 2;
  return (ms) => `${format(ms, Math.min(most, decimals(smallest)))} ms`;
}

/** Three significant digits. */
function decimals(value: number): number {
  if (value >= 99.95) return 0;
  return value >= 9.995 ? 1 : 2;
}

function format(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
