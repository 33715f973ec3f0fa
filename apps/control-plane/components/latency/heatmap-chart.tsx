'use client';
import { scaleLinear, scaleLog, scaleSqrt } from 'd3-scale';
import { useTheme } from 'next-themes';
import { useEffect, useRef } from 'react';
import { cn } from '../ui/class-names.ts';
import { formatAxis } from '../ui/format.ts';
import { timeAxis } from './axis-ticks.ts';
import { HEATMAP_SECONDS, type LatencyHeatmap } from './latency-heatmap.ts';
import type { LatencyBars } from './share-bins.ts';
import { useSize } from './use-size.ts';

const LEFT = 52;
const BOTTOM = 84;
const TOP = 12;
const RIGHT = 16;
const TIME_TICKS = [120, 90, 60, 30, 0];
/** The square root keeps the few slow requests visible next to many fast ones. */
const CELL_OPACITY = scaleSqrt([0, 1], [0.12, 1]);

/** The legend below the chart explains this many changes. */
const CHANGES_LISTED = 3;
const KEY_SHARES = [0.02, 0.1, 0.3, 0.6, 1];

/** Latency over time: darker cells have more of a second's requests. A red line marks a fault, a gray one a change. */
export function HeatmapChart({
  heatmap,
  axis,
  timeOf,
}: {
  heatmap: LatencyHeatmap;
  /** The latency axis. */
  axis: Pick<LatencyBars, 'startMs' | 'endMs' | 'log'>;
  /** Formats a time of day. */
  timeOf: (at: string) => string;
}) {
  const { startMs, endMs, log } = axis;
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  // A change of the theme must repaint the canvas.
  useTheme();
  const plot = { width: Math.max(0, width - LEFT - RIGHT), height: Math.max(0, height - TOP - BOTTOM) };
  const x = scaleLinear([-HEATMAP_SECONDS, 0], [0, plot.width]);
  const y = (log ? scaleLog() : scaleLinear()).domain([startMs, endMs]).range([plot.height, 0]).clamp(true);
  const { ticks } = timeAxis(axis, Math.max(1, plot.height));
  const changes = heatmap.columns.flatMap((column) => column.changes);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current) return;
    const scale = window.devicePixelRatio;
    canvas.current.width = plot.width * scale;
    canvas.current.height = plot.height * scale;
    context.scale(scale, scale);
    const color = (name: string) => getComputedStyle(context.canvas).getPropertyValue(name);
    const nowMs = heatmap.seen?.atMs ?? 0;
    const left = (ms: number) => x((ms - nowMs) / 1_000);
    for (const { fromMs, toMs, cells, changes: marks } of heatmap.columns) {
      const from = Math.max(0, left(fromMs));
      context.fillStyle = color('--parity');
      for (const cell of cells) {
        context.globalAlpha = CELL_OPACITY(cell.share);
        const top = y(cell.to);
        context.fillRect(from, top, Math.ceil(left(toMs) - from), Math.max(1.5, y(cell.from) - top));
      }
      if (marks.length === 0) continue;
      context.globalAlpha = 1;
      context.fillStyle = color(marks.some(({ cause }) => cause === 'fault') ? '--danger' : '--ink-soft');
      context.fillRect(from, 0, 2, plot.height);
    }
  });

  return (
    <div ref={frame} className="absolute inset-0 text-[11px] leading-none text-ink-faint">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Latency of the last two minutes, ${formatAxis(startMs)} to ${formatAxis(endMs)} ms. Changes: ${changes.map(({ text }) => text).join(', ') || 'none'}.`}
        className="absolute border-b border-l"
        style={{ left: LEFT, top: TOP, width: plot.width, height: plot.height }}
      />
      {ticks.map((ms) => (
        <span
          key={ms}
          className="absolute -translate-y-1/2 text-right"
          style={{ right: width - LEFT + 6, top: TOP + y(ms) }}
        >
          {formatAxis(ms)}
        </span>
      ))}
      {TIME_TICKS.map((seconds) => (
        <span
          key={seconds}
          className={cn('absolute whitespace-nowrap', seconds < HEATMAP_SECONDS && '-translate-x-1/2')}
          style={{ left: LEFT + x(-seconds), bottom: BOTTOM - 20 }}
        >
          {seconds === 0 ? 'now' : `−${seconds}`}
        </span>
      ))}
      <span className="absolute inset-x-0 text-center" style={{ bottom: BOTTOM - 36 }}>
        time (s)
      </span>
      <div
        className="absolute bottom-1 flex max-h-8 flex-wrap gap-x-4 gap-y-1 overflow-hidden"
        style={{ left: LEFT }}
      >
        <span className="flex items-center gap-1">
          share of a second’s requests: 0 %
          {KEY_SHARES.map((share) => (
            <span
              key={share}
              aria-hidden
              className="h-2.5 w-3"
              style={{ background: 'var(--parity)', opacity: CELL_OPACITY(share) }}
            />
          ))}
          100 %
        </span>
        {changes.slice(-CHANGES_LISTED).map(({ id, at, cause, text }) => (
          <span key={id} data-testid="heatmap-change" className="flex items-center gap-1">
            <span
              aria-hidden
              className={cn('h-3 w-0.5', cause === 'fault' ? 'bg-danger' : 'bg-[var(--ink-soft)]')}
            />
            {timeOf(at)} {text}
          </span>
        ))}
      </div>
      <span className="absolute top-1/2 left-0 origin-center -translate-x-1/3 -rotate-90 whitespace-nowrap">
        latency (ms)
      </span>
    </div>
  );
}
