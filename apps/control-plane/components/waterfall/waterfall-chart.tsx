import { scaleLinear } from 'd3-scale';
import type { RefObject } from 'react';
import { cn } from '../ui/class-names.ts';
import { formatAxis } from '../ui/format.ts';
import type { BarKind, Waterfall, WaterfallBar, WaterfallLane } from './waterfall-view.ts';

const HATCH = (color: string) =>
  `repeating-linear-gradient(135deg, ${color} 0 3px, color-mix(in srgb, ${color} 30%, transparent) 3px 6px)`;

interface Paint {
  readonly label: string;
  readonly color: string;
  readonly look?: 'hatched' | 'faint';
}

const KINDS: Record<BarKind, Paint> = {
  local: { label: 'on the data plane', color: 'var(--idle)' },
  used: { label: 'used', color: 'var(--data)' },
  surplus: { label: 'not needed', color: 'var(--data)', look: 'faint' },
  recovered: { label: 'recovered', color: 'var(--parity)', look: 'hatched' },
  rescued: { label: 'rescued', color: 'var(--ink-faint)', look: 'hatched' },
  late: { label: 'late, not needed', color: 'var(--idle)', look: 'hatched' },
  skipped: { label: 'not asked, busy', color: 'var(--idle)', look: 'faint' },
  missing: { label: 'no answer', color: 'var(--danger)', look: 'hatched' },
  waiting: { label: 'in flight', color: 'var(--line-strong)' },
};

function styleOf({ color, look }: Paint) {
  return {
    background: look === 'hatched' ? HATCH(color) : color,
    ...(look === 'faint' ? { opacity: 0.4 } : {}),
  };
}

/** One lane per device over time. Answers of parity are amber. Each bar has a tooltip. */
export function WaterfallChart({
  waterfall,
  frame,
}: {
  waterfall: Waterfall;
  /** The element that a saved picture shows. */
  frame: RefObject<HTMLElement | null>;
}) {
  const { lanes, endMs, totalMs } = waterfall;
  const percent = scaleLinear([0, endMs], [0, 100]);
  // The unit needs the end of the axis. On a phone, five labels have no space.
  const ticks = percent.ticks(4).filter((ms) => percent(ms) < 90);
  const kinds = new Set(lanes.flatMap(({ bars }) => bars.map(({ kind }) => kind)));
  return (
    <figure ref={frame}>
      <ul aria-label="Lanes" className="flex flex-col gap-1">
        {lanes.map((lane) => (
          <Lane key={lane.id} lane={lane} endMs={endMs} totalMs={totalMs} />
        ))}
      </ul>
      <div aria-hidden className="grid grid-cols-[8.5rem_minmax(0,1fr)] text-[11px] leading-4 text-ink-faint">
        <span />
        <div className="relative mt-1 h-4 border-t">
          {ticks.map((ms) => (
            <span
              key={ms}
              className={cn('absolute top-0.5 whitespace-nowrap', ms > 0 && '-translate-x-1/2')}
              style={{ left: `${percent(ms)}%` }}
            >
              {formatAxis(ms)}
            </span>
          ))}
          <span className="absolute top-0.5 right-0 bg-surface pl-1">ms</span>
        </div>
      </div>
      <figcaption className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-soft">
        {(Object.keys(KINDS) as BarKind[])
          .filter((kind) => kinds.has(kind))
          .map((kind) => (
            <span key={kind} className="flex items-center gap-1.5">
              <span aria-hidden className="size-2.5 rounded-[3px]" style={styleOf(KINDS[kind])} />
              {KINDS[kind].label}
            </span>
          ))}
        {lanes.some(({ bars }) => bars.some(({ lateMs }) => lateMs !== null)) && (
          <span className="flex items-center gap-1.5">
            <span aria-hidden className="h-1 w-3 border-r-2 border-danger bg-danger/50" />
            arrived after the result
          </span>
        )}
        {totalMs !== null && (
          <span className="flex items-center gap-1.5">
            <span aria-hidden className="h-3 w-px bg-ink" />
            result
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function Lane({ lane, endMs, totalMs }: { lane: WaterfallLane; endMs: number; totalMs: number | null }) {
  const percent = (ms: number) => `${(ms / endMs) * 100}%`;
  return (
    <li className="grid grid-cols-[8.5rem_minmax(0,1fr)] items-center text-[0.8125rem]">
      <span
        className={cn(
          'truncate pr-2',
          lane.role === 'parity'
            ? 'text-parity-ink'
            : lane.role === 'plane'
              ? 'text-ink-soft'
              : 'text-data-ink',
        )}
        title={[lane.label, lane.shard].filter(Boolean).join(', ')}
      >
        {lane.label}
        {lane.shard !== '' && <span className="ml-1.5 text-xs text-ink-faint">{lane.shard}</span>}
      </span>
      <div className="relative h-5 overflow-hidden rounded-sm bg-raised/60">
        {lane.bars.map((bar) => {
          const paint = paintIn(lane, bar);
          return (
            <span
              key={bar.id}
              title={bar.text}
              data-kind={bar.kind}
              className="absolute inset-y-0.5 min-w-0.5 rounded-[2px]"
              style={{ left: percent(bar.fromMs), width: percent(bar.toMs - bar.fromMs), ...styleOf(paint) }}
            >
              <span className="sr-only">{bar.text}. </span>
            </span>
          );
        })}
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

/** Answers of parity have the color of parity. */
function paintIn({ role }: WaterfallLane, { kind }: WaterfallBar): Paint {
  const paint = KINDS[kind];
  return role === 'parity' && (kind === 'used' || kind === 'surplus')
    ? { ...paint, color: 'var(--parity)' }
    : paint;
}
