import type { DeviceRole } from '@sparewheel/protocol';

/** Formats of numbers, sizes and times on the whole dashboard. English, tabular, with the unit at the end. */

const COUNT = new Intl.NumberFormat('en-US');
const NOTHING = '–';

/** 1234567 → "1,234,567". */
export function formatCount(count: number): string {
  return COUNT.format(Math.round(count));
}

/** Formats a time with three significant digits and a unit: "0.42 ms", "4.21 ms", "42.1 ms", "421 ms", "4.21 s". */
export function formatMs(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return NOTHING;
  return ms < 999.5 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Formats a size in decimal units, as disks and networks use them: 48_300_000 → "48.3 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${BYTE_UNITS[unit]}`;
}

/** A format for all values of a column: one unit, and one number of decimals. */
export interface ColumnFormat {
  /** Units of the value per unit of the text. */
  readonly divisor: number;
  readonly digits: number;
  readonly unit: string;
}

/** Returns the format for a column of times in ms. Null values do not count. */
export function msColumn(values: readonly (number | null)[]): ColumnFormat {
  const largest = Math.max(0, ...finite(values));
  return columnOf(values, largest < 999.5 ? { divisor: 1, unit: 'ms' } : { divisor: 1000, unit: 's' });
}

/** Returns the format for a column of sizes in bytes. Null values do not count. */
export function bytesColumn(values: readonly (number | null)[]): ColumnFormat {
  let largest = Math.max(0, ...finite(values));
  let unit = 0;
  while (largest >= 999.5 && unit < BYTE_UNITS.length - 1) {
    largest /= 1000;
    unit += 1;
  }
  return columnOf(values, { divisor: 1000 ** unit, unit: BYTE_UNITS[unit] ?? 'B' });
}

/** Formats a value like the others of its column. */
export function formatIn({ divisor, digits, unit }: ColumnFormat, value: number | null): string {
  return value === null || !Number.isFinite(value) ? NOTHING : `${(value / divisor).toFixed(digits)} ${unit}`;
}

/** The largest value gets three significant digits, and more decimals only to show that a small value is not 0. */
function columnOf(
  values: readonly (number | null)[],
  { divisor, unit }: { readonly divisor: number; readonly unit: string },
): ColumnFormat {
  const scaled = finite(values)
    .map((value) => value / divisor)
    .filter((value) => value > 0);
  if (scaled.length === 0 || unit === 'B') return { divisor, unit, digits: 0 };
  const largest = Math.max(...scaled);
  const forLargest = largest >= 99.95 ? 0 : largest >= 9.995 ? 1 : 2;
  const forSmallest = Math.ceil(-Math.log10(Math.min(...scaled)));
  return { divisor, unit, digits: Math.max(forLargest, Math.min(2, forSmallest)) };
}

function finite(values: readonly (number | null)[]): number[] {
  return values.filter((value): value is number => value !== null && Number.isFinite(value));
}

/** 0.934 → "93.4 %"; without decimals for a whole percentage. */
export function formatPercent(fraction: number, digits = 1): string {
  const percent = fraction * 100;
  return `${percent.toFixed(Number.isInteger(percent) ? 0 : digits)} %`;
}

/** 1_234_567 → "1.23 M", for parameters and multiply-adds. */
export function formatMagnitude(value: number): string {
  if (value < 1e3) return String(value);
  if (value < 1e6) return `${threeDigits(value / 1e3)} k`;
  if (value < 1e9) return `${threeDigits(value / 1e6)} M`;
  return `${threeDigits(value / 1e9)} G`;
}

/** "just now", "12 s ago", "3 min ago", "2 h ago", "5 d ago". A time in the future is "just now". */
export function formatAgo(at: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(at)) / 1000);
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** [1, 1, 28, 28] → "1 × 1 × 28 × 28"; a free dimension is "any", a scalar "scalar". */
export function formatDims(dims: readonly number[]): string {
  return dims.length === 0 ? 'scalar' : dims.map((dim) => (dim < 0 ? 'any' : String(dim))).join(' × ');
}

/** Formats a number on an axis: at most three significant digits, no unit. */
export function formatAxis(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/** Returns the role and the shard number of a seat: "Data 0", "Parity 4"; for null, only the role. */
export function seatLabel(role: DeviceRole, seat: number | null): string {
  const name = `${role[0]?.toUpperCase()}${role.slice(1)}`;
  return seat === null ? name : `${name} ${seat}`;
}
