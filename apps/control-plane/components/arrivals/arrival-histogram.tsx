import { timeAxis } from '../latency/axis-ticks.ts';
import { useSize } from '../latency/use-size.ts';
import { cn } from '../ui/class-names.ts';
import { formatAxis, formatCount, formatMs, formatPercent } from '../ui/format.ts';
import { type ArrivalRow, type ArrivalsDrawing, outline } from './arrivals-view.ts';

/** The columns of a row: the device, its answers on the time axis, their number and median. */
const COLUMNS = 'grid grid-cols-[6.5rem_minmax(0,1fr)_6.5rem] items-end gap-x-3';

type Axis = Pick<ArrivalsDrawing, 'startMs' | 'endMs' | 'log'>;

/** One device's answers by time since the scatter. All rows share the time axis; each has its own height. */
export function ArrivalHistogram({
  row: { name, role, heights, beyondShare, arrivals },
  axis,
  large = false,
}: {
  row: ArrivalRow;
  axis: Axis;
  large?: boolean;
}) {
  const { answered, percentiles } = arrivals;
  const { p50, p99 } = percentiles;
  const parity = role === 'parity';
  const medianX = timeAxis(axis, 1).x(p50);
  const beyond =
    beyondShare === 0
      ? null
      : `${beyondShare < 0.001 ? '< 0.1 %' : formatPercent(beyondShare)} > ${formatAxis(axis.endMs)} ms`;
  const description = [
    `${name}, ${role}: ${formatCount(answered)} answers, half of them within ${formatMs(p50)}, 99 % within ${formatMs(p99)}`,
    ...(beyond === null ? [] : [beyond]),
  ].join(', ');
  return (
    <div className={COLUMNS}>
      <p className="min-w-0 pb-0.5 text-xs" title={`${name}, ${role}`}>
        <span className={cn('block truncate font-medium', parity ? 'text-parity-ink' : 'text-data-ink')}>
          {name}
        </span>
        <span className="block text-[11px] text-ink-faint">{role}</span>
      </p>
      <svg
        viewBox="0 0 1 1"
        preserveAspectRatio="none"
        role="img"
        aria-label={description}
        className={cn('w-full overflow-visible border-b border-line-strong', large ? 'h-36' : 'h-9')}
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
      <p className="pb-0.5 text-right text-[11px] leading-4 text-ink-faint">
        <span className="block whitespace-nowrap text-ink-soft">
          {answered === 0 ? 'no answers' : `p50 ${formatMs(p50)}`}
        </span>
        <span className="block truncate" title={beyond ?? undefined}>
          {beyond ?? `${formatCount(answered)} answers`}
        </span>
      </p>
    </div>
  );
}

/** The time axis below the rows. */
export function ArrivalAxis({ axis }: { axis: Axis }) {
  const [frame, { width }] = useSize<HTMLDivElement>();
  const { x, ticks } = timeAxis(axis, Math.max(1, width), 12);
  return (
    <div aria-hidden className={cn(COLUMNS, 'text-[11px] leading-4 text-ink-faint')}>
      <span />
      <div ref={frame} className="relative h-5">
        {width > 0 &&
          ticks.map((ms) => (
            <span
              key={ms}
              data-axis="arrivals"
              className="absolute top-1 -translate-x-1/2 whitespace-nowrap"
              style={{ left: x(ms) }}
            >
              {formatAxis(ms)}
            </span>
          ))}
      </div>
      <span className="whitespace-nowrap">ms{axis.log ? ', log scale' : ''}</span>
    </div>
  );
}
