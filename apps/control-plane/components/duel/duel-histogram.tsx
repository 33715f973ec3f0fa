import type { AnswerStatistics, HistogramBin } from '@sparewheel/protocol';
import { decadeLabel, decades, type LaneScale, laneScale, latencyHeight } from './lane-scale.ts';

const WIDTH = 320;
const HEIGHT = 100;

/** One distribution as an area of steps: x from 0 to 1 on the latency axis, y the share of answers. */
export interface HistogramStep {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

export interface DuelHistogramView {
  readonly scale: LaneScale;
  readonly coded: readonly HistogramStep[];
  readonly uncoded: readonly HistogramStep[];
  readonly topShare: number;
}

/** Returns both distributions on one logarithmic axis; null without answers. */
function duelHistogram(
  coded: AnswerStatistics | null,
  uncoded: AnswerStatistics | null,
): DuelHistogramView | null {
  const bins = [...(coded?.histogram ?? []), ...(uncoded?.histogram ?? [])];
  if (bins.length === 0) return null;
  const scale = laneScale(
    null,
    Math.min(...bins.map(({ from }) => from)),
    Math.max(...bins.map(({ from, to }) => to ?? from)),
  );
  const steps = (histogram: readonly HistogramBin[] = []) => {
    const total = histogram.reduce((sum, { count }) => sum + count, 0);
    return histogram.map(({ from, to, count }) => ({
      from: latencyHeight(scale, from),
      to: latencyHeight(scale, to ?? from),
      share: count / total,
    }));
  };
  const [ofCoded, ofUncoded] = [steps(coded?.histogram), steps(uncoded?.histogram)];
  const topShare = Math.max(...[...ofCoded, ...ofUncoded].map(({ share }) => share));
  return { scale, coded: ofCoded, uncoded: ofUncoded, topShare };
}

/** Both histograms over each other: coded solid, uncoded dashed. Their colors are not those of the dots. */
export function DuelHistogram({
  coded,
  uncoded,
}: {
  coded: AnswerStatistics | null;
  uncoded: AnswerStatistics | null;
}) {
  const view = duelHistogram(coded, uncoded);
  if (view === null) {
    return (
      <p className="grid min-h-24 flex-1 place-items-center px-4 text-center text-xs text-ink-soft">
        Run a load to compare the latencies.
      </p>
    );
  }
  const ticks = decades(view.scale);
  return (
    <figure className="flex min-h-36 flex-1 flex-col px-4 pt-3">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="Share of answers by latency on a logarithmic axis, coded and uncoded. The table has the numbers."
        className="min-h-0 w-full flex-1 border-b"
      >
        {ticks.map((ms) => (
          <line
            key={ms}
            x1={latencyHeight(view.scale, ms) * WIDTH}
            x2={latencyHeight(view.scale, ms) * WIDTH}
            y2={HEIGHT}
            stroke="var(--line)"
            vectorEffect="non-scaling-stroke"
          />
        ))}
        <Area steps={view.uncoded} top={view.topShare} color="var(--ink-faint)" dash="5 3" />
        <Area steps={view.coded} top={view.topShare} color="var(--ink)" />
      </svg>
      <div aria-hidden className="relative h-4 text-[11px] leading-4 text-ink-faint">
        {ticks.map((ms, at) => (
          <span
            key={ms}
            className="absolute whitespace-nowrap"
            style={{
              left: `${latencyHeight(view.scale, ms) * 100}%`,
              translate: at === 0 ? '0' : at === ticks.length - 1 ? '-100%' : '-50%',
            }}
          >
            {decadeLabel(ms)}
          </span>
        ))}
      </div>
      <figcaption className="flex gap-4 text-[11px] text-ink-soft">
        <Key color="var(--ink)" label="Coded" />
        <Key color="var(--ink-faint)" label="Uncoded" dashed />
        <span className="ml-auto whitespace-nowrap text-ink-faint">share of answers</span>
      </figcaption>
    </figure>
  );
}

function Area({
  steps,
  top,
  color,
  dash,
}: {
  steps: readonly HistogramStep[];
  top: number;
  color: string;
  dash?: string;
}) {
  if (steps.length === 0) return null;
  let path = '';
  let end: number | null = null;
  for (const { from, to, share } of steps) {
    const y = (HEIGHT * (1 - (share / top) * 0.94)).toFixed(1);
    // A gap between bins goes down to the axis.
    if (end === null || from - end > 1e-6)
      path += `${end === null ? '' : `V${HEIGHT}`}M${px(from)} ${HEIGHT}`;
    path += `V${y}H${px(to)}`;
    end = to;
  }
  return (
    <path
      d={`${path}V${HEIGHT}`}
      fill={color}
      fillOpacity={dash ? 0.16 : 0.28}
      stroke={color}
      strokeWidth="1.5"
      {...(dash ? { strokeDasharray: dash } : {})}
      vectorEffect="non-scaling-stroke"
    />
  );
}

function px(share: number): string {
  return (share * WIDTH).toFixed(1);
}

function Key({ color, label, dashed = false }: { color: string; label: string; dashed?: boolean }) {
  return (
    <span className="flex items-center gap-1.5">
      <span
        aria-hidden
        className="size-2.5 rounded-[3px] border-[1.5px]"
        style={{
          background: `color-mix(in srgb, ${color} 35%, transparent)`,
          borderColor: color,
          borderStyle: dashed ? 'dashed' : 'solid',
        }}
      />
      {label}
    </span>
  );
}
