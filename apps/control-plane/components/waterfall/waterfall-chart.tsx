import type { BarKind, Waterfall, WaterfallLane } from '../../src/view-model/waterfall.ts';
import { cn } from '../ui/class-names.ts';

const HATCH = (colour: string) =>
  `repeating-linear-gradient(135deg, ${colour} 0 3px, color-mix(in srgb, ${colour} 30%, transparent) 3px 6px)`;

const KINDS: Record<BarKind, { label: string; style: { background: string; opacity?: number } }> = {
  local: { label: 'on the data plane', style: { background: 'var(--spare)' } },
  used: { label: 'used', style: { background: 'var(--data)' } },
  spare: { label: 'in, not needed', style: { background: 'var(--data)', opacity: 0.4 } },
  recovered: { label: 'recovered from parity', style: { background: HATCH('var(--parity)') } },
  rescued: { label: 'rescued', style: { background: HATCH('var(--ink-faint)') } },
  late: { label: 'not waited for', style: { background: HATCH('var(--spare)') } },
  missing: { label: 'no answer', style: { background: HATCH('var(--danger)') } },
  waiting: { label: 'in flight', style: { background: 'var(--line-strong)' } },
};
const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** A lane a device, time to the right; the parity's own answers are amber. Each bar says its story when pointed at. */
export function WaterfallChart({ waterfall }: { waterfall: Waterfall }) {
  const { lanes, endMs, totalMs } = waterfall;
  const kinds = new Set(lanes.flatMap(({ bars }) => bars.map(({ kind }) => kind)));
  return (
    <figure>
      <ul aria-label="Lanes" className="flex flex-col gap-1">
        {lanes.map((lane) => (
          <Lane key={lane.id} lane={lane} endMs={endMs} totalMs={totalMs} />
        ))}
      </ul>
      <div aria-hidden className="grid grid-cols-[5.5rem_minmax(0,1fr)] text-[11px] leading-4 text-ink-faint">
        <span />
        <div className="relative mt-1 h-4 border-t">
          {TICKS.map((tick) => (
            <span
              key={tick}
              className={cn(
                'absolute top-0.5 whitespace-nowrap',
                (tick === 0.25 || tick === 0.75) && 'max-sm:hidden',
                tick === 1 ? '-translate-x-full' : tick > 0 && '-translate-x-1/2',
              )}
              style={{ left: `${tick * 100}%` }}
            >
              {Number((tick * endMs).toPrecision(3))}
              {tick === 1 && ' ms'}
            </span>
          ))}
        </div>
      </div>
      <figcaption className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-soft">
        {(Object.keys(KINDS) as BarKind[])
          .filter((kind) => kinds.has(kind))
          .map((kind) => (
            <span key={kind} className="flex items-center gap-1.5">
              <span aria-hidden className="size-2.5 rounded-[3px]" style={KINDS[kind].style} />
              {KINDS[kind].label}
            </span>
          ))}
        {lanes.some(({ bars }) => bars.some(({ lateMs }) => lateMs !== null)) && (
          <span className="flex items-center gap-1.5">
            <span aria-hidden className="h-1 w-3 border-r-2 border-danger bg-danger/50" />
            came too late
          </span>
        )}
        {totalMs !== null && (
          <span className="flex items-center gap-1.5">
            <span aria-hidden className="h-3 w-px bg-ink" />
            the answer
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function Lane({ lane, endMs, totalMs }: { lane: WaterfallLane; endMs: number; totalMs: number | null }) {
  const percent = (ms: number) => `${(ms / endMs) * 100}%`;
  return (
    <li className="grid grid-cols-[5.5rem_minmax(0,1fr)] items-center text-[0.8125rem]">
      <span
        className={cn(
          'truncate pr-2',
          lane.role === 'parity'
            ? 'text-parity-ink'
            : lane.role === 'plane'
              ? 'text-ink-soft'
              : 'text-data-ink',
        )}
        title={lane.label}
      >
        {lane.label}
      </span>
      <div className="relative h-5 overflow-hidden rounded-sm bg-raised/60">
        {lane.bars.map((bar) => (
          <span
            key={bar.id}
            title={bar.text}
            data-kind={bar.kind}
            className="absolute inset-y-0.5 min-w-0.5 rounded-[2px]"
            style={{
              left: percent(bar.fromMs),
              width: percent(bar.toMs - bar.fromMs),
              ...KINDS[bar.kind].style,
              ...(lane.role === 'parity' && (bar.kind === 'used' || bar.kind === 'spare')
                ? { background: 'var(--parity)' }
                : {}),
            }}
          >
            <span className="sr-only">{bar.text}. </span>
          </span>
        ))}
        {lane.bars.map(
          ({ id, toMs, lateMs }) =>
            lateMs !== null && (
              <span
                key={id}
                aria-hidden
                className="absolute bottom-0 h-0.5 border-r-2 border-danger bg-danger/50"
                style={{ left: percent(toMs), width: percent(lateMs - toMs) }}
              />
            ),
        )}
        {totalMs !== null && totalMs < endMs && (
          <span aria-hidden className="absolute inset-y-0 w-px bg-ink" style={{ left: percent(totalMs) }} />
        )}
      </div>
    </li>
  );
}
