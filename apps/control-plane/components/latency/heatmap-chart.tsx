'use client';
import { useTheme } from 'next-themes';
import { useEffect, useRef } from 'react';
import { cn } from '../ui/class-names.ts';
import { HEATMAP_SECONDS, type HeatColumn, type LatencyHeatmap } from './latency-heatmap.ts';
import { useSize } from './use-size.ts';

const LEFT = 52;
const BOTTOM = 44;
const TOP = 12;
const RIGHT = 16;
const TIME_TICKS = [120, 90, 60, 30, 0];
const LATENCY_TICKS = 4;

/** Time to the right, latency upwards, the darker the more of that second's requests; a red line is a fault. */
export function HeatmapChart({
  heatmap,
  startMs,
  endMs,
}: {
  heatmap: LatencyHeatmap;
  startMs: number;
  endMs: number;
}) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { resolvedTheme } = useTheme();
  const plot = { width: Math.max(0, width - LEFT - RIGHT), height: Math.max(0, height - TOP - BOTTOM) };
  const faults = heatmap.columns.flatMap((column) => column.fault ?? []);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current) return;
    const scale = window.devicePixelRatio;
    canvas.current.width = plot.width * scale;
    canvas.current.height = plot.height * scale;
    context.scale(scale, scale);
    const colour = (name: string) => getComputedStyle(context.canvas).getPropertyValue(name);
    const nowMs = heatmap.seen?.atMs ?? 0;
    paint(
      context,
      heatmap.columns,
      { ...plot, startMs, endMs, nowMs },
      colour('--parity'),
      colour('--danger'),
    );
  }, [heatmap, plot.width, plot.height, startMs, endMs, resolvedTheme]);

  return (
    <div ref={frame} className="absolute inset-0 text-[11px] leading-none text-ink-faint">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Latency of the last two minutes, 0 to ${endMs} ms. Faults: ${faults.join(', ') || 'none'}.`}
        className="absolute border-b border-l"
        style={{ left: LEFT, top: TOP, width: plot.width, height: plot.height }}
      />
      {Array.from({ length: LATENCY_TICKS + 1 }, (_, tick) => tick / LATENCY_TICKS).map((share) => (
        <span
          key={share}
          className="absolute -translate-y-1/2 text-right"
          style={{ right: width - LEFT + 6, top: TOP + (1 - share) * plot.height }}
        >
          {Number((startMs + share * (endMs - startMs)).toPrecision(3))}
        </span>
      ))}
      {TIME_TICKS.map((seconds) => (
        <span
          key={seconds}
          className={cn('absolute whitespace-nowrap', seconds < HEATMAP_SECONDS && '-translate-x-1/2')}
          style={{ left: LEFT + (1 - seconds / HEATMAP_SECONDS) * plot.width, bottom: BOTTOM - 20 }}
        >
          {seconds === 0 ? 'now' : `−${seconds}`}
        </span>
      ))}
      <span className="absolute inset-x-0 bottom-2 text-center">time (s)</span>
      <span className="absolute top-1/2 left-0 origin-center -translate-x-1/3 -rotate-90 whitespace-nowrap">
        latency (ms)
      </span>
    </div>
  );
}

function paint(
  context: CanvasRenderingContext2D,
  columns: readonly HeatColumn[],
  plot: { width: number; height: number; startMs: number; endMs: number; nowMs: number },
  heat: string,
  fault: string,
): void {
  const x = (ms: number) => plot.width * (1 - (plot.nowMs - ms) / (HEATMAP_SECONDS * 1_000));
  const y = (ms: number) =>
    plot.height * (1 - Math.min(1, Math.max(0, (ms - plot.startMs) / (plot.endMs - plot.startMs))));
  for (const column of columns) {
    const left = Math.max(0, x(column.fromMs));
    context.fillStyle = heat;
    for (const cell of column.cells) {
      // The square root lets the few slow requests be seen beside the many fast ones.
      context.globalAlpha = Math.min(1, 0.12 + 1.1 * Math.sqrt(cell.share));
      const top = y(cell.to);
      context.fillRect(left, top, Math.ceil(x(column.toMs) - left), Math.max(1.5, y(cell.from) - top));
    }
    if (column.fault !== null) {
      context.globalAlpha = 1;
      context.fillStyle = fault;
      context.fillRect(left, 0, 2, plot.height);
    }
  }
}
