import type { ArrivalsView, DeviceArrivalsView, DeviceView } from '@sparewheel/protocol';
import type { ChartTable } from '../latency/chart-tables.ts';

/** One device's arrivals, ready to be drawn. */
export interface ArrivalRow {
  readonly id: string;
  readonly name: string;
  readonly role: 'data' | 'parity' | 'replica';
  /** By bar, of its own answers; in [0, 1], the highest bar at 1. */
  readonly heights: readonly number[];
  readonly arrivals: DeviceArrivalsView;
  /** Asked, and neither answered nor called off. */
  readonly neverCame: number;
  /** Of the coded steps in which it held a data shard; null where it held none. */
  readonly lastShare: number | null;
  readonly notInShare: number | null;
}

export interface ArrivalsDrawing {
  readonly since: string;
  readonly requests: number;
  /** The axis that all devices share. */
  readonly startMs: number;
  readonly endMs: number;
  /** Data devices, parity, replicas; by name. */
  readonly rows: readonly ArrivalRow[];
  /** Those with a data shard, the one that was least often there in time first. */
  readonly stragglers: readonly (ArrivalRow & { lastShare: number; notInShare: number })[];
}

const ORDER = ['data', 'parity', 'replica'] as const;

/** Small multiples of a deployment: when each device answered, and who kept the others waiting. */
export function arrivalsDrawing(view: ArrivalsView, devices: readonly DeviceView[]): ArrivalsDrawing {
  const names = new Map(devices.map(({ id, name }) => [id, name]));
  // A first bin of another width takes what is faster than the axis begins, and is no bar.
  const bars = view.edges.slice(skipped(view.edges));
  const width = (bars[1] ?? 1) - (bars[0] ?? 0);
  const rows = view.devices
    .map((arrivals) => row(arrivals, names.get(arrivals.device), view.edges))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.role) - ORDER.indexOf(b.role) ||
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
  return {
    since: view.since,
    requests: view.requests,
    startMs: bars[0] ?? 0,
    endMs: (bars.at(-1) ?? 0) + width,
    rows,
    stragglers: rows.filter(isData).sort((a, b) => b.notInShare - a.notInShare || b.lastShare - a.lastShare),
  };
}

function row(arrivals: DeviceArrivalsView, name: string | undefined, edges: readonly number[]): ArrivalRow {
  const { device, roles, counts, asked, answered, calledOff, dataSteps, last, notIn } = arrivals;
  const skip = skipped(edges);
  const bars = counts.slice(skip);
  if (skip > 0 && bars.length > 0) bars[0]! += counts[0]!;
  const highest = Math.max(1, ...bars);
  return {
    id: device,
    name: name ?? device.slice(0, 8),
    role: ORDER.find((role) => roles.includes(role)) ?? 'data',
    heights: bars.map((count) => count / highest),
    arrivals,
    neverCame: Math.max(0, asked - answered - calledOff),
    lastShare: dataSteps === 0 ? null : last / dataSteps,
    notInShare: dataSteps === 0 ? null : notIn / dataSteps,
  };
}

function isData(row: ArrivalRow): row is ArrivalRow & { lastShare: number; notInShare: number } {
  return row.lastShare !== null;
}

function skipped(edges: readonly number[]): 0 | 1 {
  const [zero, first, second] = edges;
  if (zero === undefined || first === undefined || second === undefined) return 0;
  return Math.abs(first - zero - (second - first)) < (second - first) * 1e-6 ? 0 : 1;
}

/** The outline of the bars in a box of 1 × 1, as an SVG path; y grows downwards. */
export function outline(heights: readonly number[]): string {
  const width = 1 / heights.length;
  const steps = heights.map((height, at) => {
    const y = (1 - height).toFixed(4);
    return `L${(at * width).toFixed(4)} ${y}L${((at + 1) * width).toFixed(4)} ${y}`;
  });
  return `M0 1${steps.join('')}L1 1Z`;
}

/** One line a device: its numbers, then its answers by bin. */
export function arrivalsTable(view: ArrivalsView, { rows }: ArrivalsDrawing): ChartTable {
  return {
    columns: [
      'device',
      'role',
      'asked',
      'answered',
      'called_off',
      'never_came',
      'coded_steps_as_data',
      'last_to_answer',
      'not_in_in_time',
      'p50_ms',
      'p99_ms',
      'max_ms',
      'mean_ms',
      ...view.edges.map((from) => `from_${from}_ms`),
    ],
    rows: rows.map(({ name, role, neverCame, arrivals }) => {
      const { asked, answered, calledOff, dataSteps, last, notIn, percentiles, counts } = arrivals;
      const { p50, p99, max, mean } = percentiles;
      const numbers = [asked, answered, calledOff, neverCame, dataSteps, last, notIn];
      return [name, role, ...numbers, p50, p99, max, mean, ...counts];
    }),
  };
}
