'use client';
import { scaleLinear, scaleLog } from 'd3-scale';
import { Area, AreaChart, CartesianGrid, Tooltip, XAxis, YAxis } from 'recharts';
import { formatAxis, formatPercent } from '../ui/format.ts';
import { timeAxis } from './axis-ticks.ts';
import { SERIES_STYLES } from './series-colors.ts';
import { type LatencyBars, type ShareBin, SMALLEST_SHARE } from './share-bins.ts';
import { useSize } from './use-size.ts';

const LEFT = 60;
const RIGHT = 16;
const TOP = 20;
const BOTTOM = 42;
/** Width of a bar after the axis, with its space. */
const SLOT = 68;
const LOG_TICKS = [0.01, 0.1, 1, 10, 100];
const TICK = { fontSize: 11, fill: 'var(--ink-faint)' };
/** On a logarithmic axis 0 has no place, so it is drawn far below the lower end. */
const LOG_ZERO = SMALLEST_SHARE / 1e6;

const shareOf = (series: number, floor: number) => (bin: ShareBin) =>
  Math.max(floor, bin.shares[series] ?? 0);
/** Constant functions: Recharts treats a new function as new data. */
const SHARE_OF = {
  linear: [shareOf(0, 0), shareOf(1, 0)],
  log: [shareOf(0, LOG_ZERO), shareOf(1, LOG_ZERO)],
};

/** A bar after the end of the time axis: slower requests, or requests without an answer. */
interface Slot {
  readonly key: 'beyond' | 'never';
  readonly label: string;
  readonly shares: readonly number[];
}

/**
 * Draws each series as steps over the same time axis. What does not fit on the axis is drawn as bars after it. Not
 * animated: the data changes five times a second.
 */
export function LatencyChart({ histogram, scale }: { histogram: LatencyBars; scale: 'linear' | 'log' }) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const { bins, rows, topPercent, startMs, endMs } = histogram;
  const slots = slotsOf(histogram);
  const slotsWidth = slots.length * SLOT;
  const plot = { width: width - LEFT - RIGHT - slotsWidth, height: height - TOP - BOTTOM };
  const visible = plot.width > 40 && plot.height > 40;
  const log = scale === 'log';
  const y = (log ? scaleLog() : scaleLinear())
    .domain(log ? [SMALLEST_SHARE, 100] : [0, topPercent])
    .range([Math.max(1, plot.height), 0])
    .clamp(true);

  return (
    <div ref={frame} role="img" aria-label={describe(histogram, slots)} className="absolute inset-0">
      {visible && (
        <AreaChart
          width={width - slotsWidth}
          height={height}
          data={stepPoints(bins)}
          margin={{ top: TOP, right: RIGHT, bottom: 0, left: 0 }}
          // The frame describes the chart, and the table below has its numbers.
          accessibilityLayer={false}
        >
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis
            dataKey="from"
            type="number"
            scale={histogram.log ? 'log' : 'linear'}
            domain={[startMs, endMs]}
            ticks={[...timeAxis(histogram, plot.width, slots.length > 0 ? 14 : 0).ticks]}
            interval={0}
            height={BOTTOM}
            tick={TICK}
            axisLine={{ stroke: 'var(--line-strong)' }}
            tickLine={{ stroke: 'var(--line-strong)' }}
            tickFormatter={formatAxis}
            label={{
              value: `latency (ms${histogram.log ? ', log scale' : ''})`,
              position: 'insideBottom',
              offset: 4,
              ...TICK,
            }}
          />
          <YAxis
            scale={log ? 'log' : 'linear'}
            domain={y.domain()}
            ticks={log ? LOG_TICKS : y.ticks(5)}
            interval={0}
            allowDataOverflow
            width={LEFT}
            tick={TICK}
            tickLine={false}
            axisLine={false}
            tickFormatter={(percent: number) => `${formatAxis(percent)} %`}
            label={{
              value: 'share of requests',
              angle: -90,
              position: 'insideLeft',
              offset: 2,
              style: { textAnchor: 'middle' },
              ...TICK,
            }}
          />
          <Tooltip content={BinTooltip} isAnimationActive={false} cursor={{ stroke: 'var(--line-strong)' }} />
          {rows.map(({ key, label }, at) => (
            <Area
              key={key}
              name={label}
              type="stepAfter"
              dataKey={SHARE_OF[scale][at]!}
              baseValue={log ? LOG_ZERO : 0}
              stroke={SERIES_STYLES[key].color}
              strokeWidth={1.5}
              strokeDasharray={SERIES_STYLES[key].dash ?? ''}
              fill={SERIES_STYLES[key].color}
              fillOpacity={SERIES_STYLES[key].dash ? 0.14 : at === 0 ? 0.3 : 0.22}
              isAnimationActive={false}
              activeDot={false}
              dot={false}
            />
          ))}
        </AreaChart>
      )}
      {visible && slots.length > 0 && (
        <svg
          width={slotsWidth}
          height={height}
          className="absolute inset-y-0 text-[11px]"
          style={{ left: LEFT + plot.width }}
          aria-hidden="true"
        >
          {slots.map((slot, at) => (
            <SlotBars key={slot.key} slot={slot} left={at * SLOT} bottom={plot.height} y={y} rows={rows} />
          ))}
        </svg>
      )}
    </div>
  );
}

/** The start of a step, with the times of its bar to display. */
interface StepPoint extends ShareBin {
  readonly times: string;
}

/** Appends a point at the right edge: the last step needs an end. */
function stepPoints(bins: readonly ShareBin[]): readonly StepPoint[] {
  const points = bins.map((bin, index) => {
    // The first bar also counts faster requests.
    const times = index === 0 ? `≤ ${formatAxis(bin.to)}` : `${formatAxis(bin.from)} – ${formatAxis(bin.to)}`;
    return { ...bin, times };
  });
  const last = points.at(-1);
  return last ? [...points, { ...last, from: last.to }] : [];
}

function BinTooltip({
  active,
  payload,
}: {
  active?: boolean;
  payload?: readonly { payload?: StepPoint; name?: unknown }[];
}) {
  const bin = payload?.[0]?.payload;
  if (!active || bin === undefined) return null;
  return (
    <div className="rounded-lg border bg-surface px-3 py-2 text-xs shadow-float">
      <p className="font-medium">{bin.times} ms</p>
      {payload?.map(({ name }, at) => (
        <p key={String(name)} className="text-ink-soft">
          {String(name)}: {(bin.shares[at] ?? 0).toFixed(2)} %
        </p>
      ))}
    </div>
  );
}

function SlotBars({
  slot: { key, label, shares },
  left,
  bottom,
  y,
  rows,
}: {
  slot: Slot;
  left: number;
  bottom: number;
  y: (percent: number) => number;
  rows: LatencyBars['rows'];
}) {
  const barWidth = (SLOT - 28) / Math.max(1, rows.length);
  const danger = key === 'never';
  return (
    <g data-testid={`slot-${key}`} transform={`translate(${left} ${TOP})`}>
      <line x1={4} x2={4} y2={bottom} stroke="var(--line)" strokeDasharray="2 3" />
      <line x1={12} x2={SLOT - 8} y1={bottom} y2={bottom} stroke="var(--line-strong)" />
      {rows.map(({ key: series, label: name }, at) => {
        const share = shares[at] ?? 0;
        if (share === 0) return null;
        const { color, dash } = SERIES_STYLES[series];
        const top = Math.min(y(share), bottom - 2);
        return (
          <rect
            key={series}
            x={14 + at * barWidth}
            y={top}
            width={barWidth - 2}
            height={bottom - top}
            fill={danger ? 'var(--danger)' : color}
            fillOpacity={danger ? 0.75 : 0.4}
            stroke={danger ? 'var(--danger)' : color}
            strokeDasharray={dash}
          >
            <title>{`${name}: ${percentText(share)} ${danger ? 'never answered' : label}`}</title>
          </rect>
        );
      })}
      <text
        x={SLOT / 2}
        y={Math.min(...shares.map((share) => y(Math.max(share, SMALLEST_SHARE)))) - 6}
        textAnchor="middle"
        fill={danger ? 'var(--danger-ink)' : 'var(--ink-soft)'}
        fontWeight={danger ? 600 : 400}
      >
        {percentText(Math.max(...shares))}
      </text>
      <text
        x={SLOT / 2 + 2}
        y={bottom + 16}
        textAnchor="middle"
        fill={danger ? 'var(--danger-ink)' : 'var(--ink-faint)'}
      >
        {label}
      </text>
      {danger && (
        <text x={SLOT / 2 + 2} y={bottom + 30} textAnchor="middle" fill="var(--danger-ink)">
          answered
        </text>
      )}
    </g>
  );
}

function slotsOf({ beyond, never, endMs }: LatencyBars): Slot[] {
  const some = (shares: readonly number[]) => shares.some((share) => share > 0);
  return [
    ...(some(beyond) ? [{ key: 'beyond' as const, label: `> ${formatAxis(endMs)} ms`, shares: beyond }] : []),
    ...(some(never) ? [{ key: 'never' as const, label: 'never', shares: never }] : []),
  ];
}

function describe({ rows, startMs, endMs, beyond, never }: LatencyBars, slots: readonly Slot[]): string {
  const after = rows.map(({ label }, at) => {
    const parts = slots.map(({ key, label: slot }) =>
      key === 'never'
        ? `${percentText(never[at] ?? 0)} never answered`
        : `${percentText(beyond[at] ?? 0)} took ${slot}`,
    );
    return [label, ...parts].join(', ');
  });
  return `Latency histogram from ${formatAxis(startMs)} to ${formatAxis(endMs)} ms. ${after.join('. ')}.`;
}

/** 0.4 → "0.4 %"; a small share is not "0 %". */
function percentText(percent: number): string {
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  return formatPercent(percent / 100, percent < 10 ? 1 : 0);
}
