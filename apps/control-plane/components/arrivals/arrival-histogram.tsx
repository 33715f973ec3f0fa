import { scaleLinear } from 'd3-scale';
import { cn } from '../ui/class-names.ts';
import { formatAxis, formatCount, formatMs } from '../ui/format.ts';
import { type ArrivalRow, outline } from './arrivals-view.ts';

/** One device's answers by time since the scatter. All devices share the time axis; each has its own height. */
export function ArrivalHistogram({
  row: { name, role, heights, arrivals },
  startMs,
  endMs,
  large = false,
}: {
  row: ArrivalRow;
  startMs: number;
  endMs: number;
  large?: boolean;
}) {
  const { answered, percentiles } = arrivals;
  const { p50, p99 } = percentiles;
  const parity = role === 'parity';
  const medianX = scaleLinear([startMs, endMs], [0, 1]).clamp(true)(p50);
  const description = `${name}, ${role}: ${formatCount(answered)} answers, half of them within ${formatMs(p50)}, 99 % within ${formatMs(p99)}`;
  return (
    <div className="min-w-0">
      <p className="flex items-baseline justify-between gap-2 text-xs">
        <span
          className={cn('truncate font-medium', parity ? 'text-parity-ink' : 'text-data-ink')}
          title={`${name}, ${role}`}
        >
          {name}
        </span>
        <span className="whitespace-nowrap text-ink-faint">{formatCount(answered)}</span>
      </p>
      <svg
        viewBox="0 0 1 1"
        preserveAspectRatio="none"
        role="img"
        aria-label={description}
        className={cn('mt-1 w-full overflow-visible border-b border-line-strong', large ? 'h-36' : 'h-12')}
      >
        <title>{description}</title>
        <path d={outline(heights)} fill={parity ? 'var(--parity)' : 'var(--data)'} opacity={0.75} />
        {answered > 0 && (
          <line
            x1={medianX}
            x2={medianX}
            y1={0}
            y2={1}
            stroke="var(--ink)"
            strokeWidth={1}
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <p className="mt-0.5 flex justify-between text-[11px] leading-4 text-ink-faint">
        <span>{formatAxis(startMs)}</span>
        <span>{answered === 0 ? 'no answers' : `p50 ${formatMs(p50)}`}</span>
        <span>{formatAxis(endMs)} ms</span>
      </p>
    </div>
  );
}
