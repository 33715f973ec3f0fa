'use client';
import { scaleLinear, scaleLog } from 'd3-scale';
import { type PointerEvent, useState } from 'react';
import { formatAxis, formatPercent } from '../ui/format.ts';
import { timeAxis } from './axis-ticks.ts';
import { SERIES_STYLES } from './series-colors.ts';
import { type LatencyHistogram, SMALLEST_SHARE } from './share-bins.ts';
import { useSize } from './use-size.ts';

const LEFT = 56;
const RIGHT = 16;
const TOP = 20;
const BOTTOM = 42;
/** Width of a bar after the axis, with its space. */
const SLOT = 68;
const LOG_TICKS = [0.01, 0.1, 1, 10, 100];

/** A bar after the end of the time axis: slower requests, or requests without an answer. */
interface Slot {
  readonly key: 'beyond' | 'never';
  readonly label: string;
  readonly shares: readonly number[];
}

/** Draws each series as steps over the same time axis. What does not fit on the axis is drawn as bars after it. */
export function LatencyChart({ histogram, scale }: { histogram: LatencyHistogram; scale: 'linear' | 'log' }) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const [pointed, setPointed] = useState<number | null>(null);
  const { bins, rows, topPercent } = histogram;
  const slots = slotsOf(histogram);
  const plot = { width: width - LEFT - RIGHT - slots.length * SLOT, height: height - TOP - BOTTOM };
  const visible = plot.width > 40 && plot.height > 40;
  const { x, ticks } = timeAxis(histogram, Math.max(1, plot.width), slots.length > 0 ? 14 : 0);
  const log = scale === 'log';
  const y = (log ? scaleLog() : scaleLinear())
    .domain(log ? [SMALLEST_SHARE, 100] : [0, topPercent])
    .range([Math.max(1, plot.height), 0])
    .clamp(true);
  const shareTicks = log ? LOG_TICKS : y.ticks(5);

  function point({ nativeEvent }: PointerEvent) {
    const at = bins.findIndex(({ to }) => x(to) > nativeEvent.offsetX - LEFT);
    setPointed(at === -1 || nativeEvent.offsetX < LEFT ? null : at);
  }

  return (
    <div ref={frame} className="absolute inset-0">
      {visible && (
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={describe(histogram, slots)}
          className="text-[11px]"
          onPointerMove={point}
          onPointerLeave={() => setPointed(null)}
        >
          <g transform={`translate(${LEFT} ${TOP})`}>
            {shareTicks.map((percent) => (
              <g key={percent} transform={`translate(0 ${y(percent)})`}>
                <line x2={plot.width} stroke="var(--line)" />
                <text x={-8} dy="0.32em" textAnchor="end" fill="var(--ink-faint)">
                  {formatAxis(percent)} %
                </text>
              </g>
            ))}
            <line y1={plot.height} y2={plot.height} x2={plot.width} stroke="var(--line-strong)" />
            {ticks.map((ms) => (
              <g key={ms} transform={`translate(${x(ms)} ${plot.height})`}>
                <line y2={4} stroke="var(--line-strong)" />
                <text data-axis="time" y={16} textAnchor="middle" fill="var(--ink-faint)">
                  {formatAxis(ms)}
                </text>
              </g>
            ))}
            <text x={plot.width / 2} y={plot.height + 34} textAnchor="middle" fill="var(--ink-faint)">
              latency (ms{histogram.log ? ', log scale' : ''})
            </text>
            {rows.map(({ key }, series) => {
              const { color, dash } = SERIES_STYLES[key];
              return (
                <path
                  key={key}
                  d={steps(bins, series, x, y)}
                  fill={color}
                  fillOpacity={dash ? 0.14 : series === 0 ? 0.3 : 0.22}
                  stroke={color}
                  strokeWidth={1.5}
                  strokeDasharray={dash}
                />
              );
            })}
            {pointed !== null && bins[pointed] && (
              <line
                x1={x(bins[pointed].from)}
                x2={x(bins[pointed].from)}
                y2={plot.height}
                stroke="var(--line-strong)"
              />
            )}
            {slots.map((slot, at) => (
              <SlotBars
                key={slot.key}
                slot={slot}
                left={plot.width + at * SLOT}
                bottom={plot.height}
                y={y}
                rows={rows}
              />
            ))}
          </g>
          <text
            transform={`translate(11 ${TOP + plot.height / 2}) rotate(-90)`}
            textAnchor="middle"
            fill="var(--ink-faint)"
          >
            share of requests
          </text>
        </svg>
      )}
      {visible && pointed !== null && bins[pointed] && (
        <div
          className="pointer-events-none absolute top-2 rounded-lg border bg-surface px-3 py-2 text-xs shadow-float"
          style={
            x(bins[pointed].from) < plot.width / 2
              ? { left: LEFT + x(bins[pointed].to) + 8 }
              : { right: width - LEFT - x(bins[pointed].from) + 8 }
          }
        >
          <p className="font-medium">
            {pointed === 0 ? '≤ ' : `${formatAxis(bins[pointed].from)} – `}
            {formatAxis(bins[pointed].to)} ms
          </p>
          {rows.map(({ key, label }, series) => (
            <p key={key} className="text-ink-soft">
              {label}: {(bins[pointed]?.shares[series] ?? 0).toFixed(2)} %
            </p>
          ))}
        </div>
      )}
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
  rows: LatencyHistogram['rows'];
}) {
  const barWidth = (SLOT - 28) / Math.max(1, rows.length);
  const danger = key === 'never';
  return (
    <g data-testid={`slot-${key}`} transform={`translate(${left} 0)`}>
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

function slotsOf({ beyond, never, endMs }: LatencyHistogram): Slot[] {
  const some = (shares: readonly number[]) => shares.some((share) => share > 0);
  return [
    ...(some(beyond) ? [{ key: 'beyond' as const, label: `> ${formatAxis(endMs)} ms`, shares: beyond }] : []),
    ...(some(never) ? [{ key: 'never' as const, label: 'never', shares: never }] : []),
  ];
}

/** Returns the outline of the bars of a series as an SVG path. */
function steps(
  bins: LatencyHistogram['bins'],
  series: number,
  x: (ms: number) => number,
  y: (percent: number) => number,
): string {
  const [first, last] = [bins[0], bins.at(-1)];
  if (first === undefined || last === undefined) return '';
  // On a logarithmic axis, 0 is the lower end.
  const floor = y(SMALLEST_SHARE / 1e6);
  const parts = bins.map(({ from, to, shares }) => {
    const top = y(Math.max(shares[series] ?? 0, SMALLEST_SHARE / 1e6)).toFixed(1);
    return `L${x(from).toFixed(1)} ${top}L${x(to).toFixed(1)} ${top}`;
  });
  return `M${x(first.from).toFixed(1)} ${floor.toFixed(1)}${parts.join('')}L${x(last.to).toFixed(1)} ${floor.toFixed(1)}Z`;
}

function describe({ rows, startMs, endMs, beyond, never }: LatencyHistogram, slots: readonly Slot[]): string {
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
