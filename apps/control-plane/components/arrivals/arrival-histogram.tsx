import { cn } from '../ui/class-names.ts';
import { formatCount, formatMs } from '../ui/format.ts';
import { type ArrivalRow, outline } from './arrivals-view.ts';

/** One device's answers by time since the scatter. The time axis is everybody's, the height its own. */
export function ArrivalHistogram({
  row,
  startMs,
  endMs,
  large = false,
}: {
  row: ArrivalRow;
  startMs: number;
  endMs: number;
  large?: boolean;
}) {
  const { p50, p99 } = row.arrivals.percentiles;
  const { answered } = row.arrivals;
  const parity = row.role === 'parity';
  const at = (ms: number) => Math.min(1, Math.max(0, (ms - startMs) / (endMs - startMs)));
  const words = `${row.name}, ${row.role}: ${formatCount(answered)} answers, half of them within ${formatMs(p50)}, 99 % within ${formatMs(p99)}`;
  return (
    <div className="min-w-0">
      <p className="flex items-baseline justify-between gap-2 text-xs">
        <span
          className={cn('truncate font-medium', parity ? 'text-parity-ink' : 'text-data-ink')}
          title={`${row.name}, ${row.role}`}
        >
          {row.name}
        </span>
        <span className="whitespace-nowrap text-ink-faint">{formatCount(answered)}</span>
      </p>
      <svg
        viewBox="0 0 1 1"
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
        className={cn('mt-1 w-full overflow-visible border-b border-line-strong', large ? 'h-36' : 'h-12')}
      >
        <title>{words}</title>
        <path d={outline(row.heights)} fill={parity ? 'var(--parity)' : 'var(--data)'} opacity={0.75} />
        {answered > 0 && (
          <line
            x1={at(p50)}
            x2={at(p50)}
            y1={0}
            y2={1}
            stroke="var(--ink)"
            strokeWidth={1}
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <p className="mt-0.5 flex justify-between text-[11px] leading-4 text-ink-faint">
        <span>{Number(startMs.toPrecision(3))}</span>
        <span>{answered === 0 ? 'no answer' : `p50 ${formatMs(p50)}`}</span>
        <span>{Number(endMs.toPrecision(3))} ms</span>
      </p>
    </div>
  );
}
