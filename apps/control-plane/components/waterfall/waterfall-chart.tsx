import type { RefObject } from 'react';
import { cn } from '../ui/class-names.ts';
import type { BarKind, Waterfall, WaterfallBar, WaterfallLane } from './waterfall-view.ts';

const HATCH = (colour: string) =>
  `repeating-linear-gradient(135deg, ${colour} 0 3px, color-mix(in srgb, ${colour} 30%, transparent) 3px 6px)`;

/** How a kind of bar is painted, on the page and in a saved picture. */
interface Paint {
  readonly label: string;
  readonly colour: string;
  readonly look?: 'hatched' | 'faint';
}

const KINDS: Record<BarKind, Paint> = {
  local: { label: 'on the data plane', colour: '--idle' },
  used: { label: 'used', colour: '--data' },
  surplus: { label: 'in, not needed', colour: '--data', look: 'faint' },
  recovered: { label: 'not in: decoded from the others', colour: '--parity', look: 'hatched' },
  rescued: { label: 'rescued', colour: '--ink-faint', look: 'hatched' },
  late: { label: 'not waited for, not needed', colour: '--idle', look: 'hatched' },
  missing: { label: 'no answer', colour: '--danger', look: 'hatched' },
  waiting: { label: 'in flight', colour: '--line-strong' },
};

function styleOf({ colour, look }: Paint) {
  const fill = `var(${colour})`;
  return {
    background: look === 'hatched' ? HATCH(fill) : fill,
    ...(look === 'faint' ? { opacity: 0.4 } : {}),
  };
}

/** For the saved picture. */
function paintOf({ colour, look }: Paint) {
  return { 'data-paint': colour, ...(look ? { [`data-${look}`]: '' } : {}) };
}

const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** A lane a device, time to the right; the parity's own answers are amber. Each bar says its story when pointed at. */
export function WaterfallChart({
  waterfall,
  frame,
}: {
  waterfall: Waterfall;
  /** What a picture of it shows. */
  frame: RefObject<HTMLElement | null>;
}) {
  const { lanes, endMs, totalMs } = waterfall;
  const kinds = new Set(lanes.flatMap(({ bars }) => bars.map(({ kind }) => kind)));
  return (
    <figure ref={frame}>
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
              <span
                aria-hidden
                className="size-2.5 rounded-[3px]"
                style={styleOf(KINDS[kind])}
                {...paintOf(KINDS[kind])}
              />
              {KINDS[kind].label}
            </span>
          ))}
        {lanes.some(({ bars }) => bars.some(({ lateMs }) => lateMs !== null)) && (
          <span className="flex items-center gap-1.5">
            <span
              aria-hidden
              data-paint="--danger"
              className="h-1 w-3 border-r-2 border-danger bg-danger/50"
            />
            came too late to be needed; nothing was lost
          </span>
        )}
        {totalMs !== null && (
          <span className="flex items-center gap-1.5">
            <span aria-hidden data-paint="--ink" className="h-3 w-px bg-ink" />
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
        {lane.bars.map((bar) => {
          const paint = paintIn(lane, bar);
          return (
            <span
              key={bar.id}
              title={bar.text}
              data-kind={bar.kind}
              className="absolute inset-y-0.5 min-w-0.5 rounded-[2px]"
              style={{ left: percent(bar.fromMs), width: percent(bar.toMs - bar.fromMs), ...styleOf(paint) }}
              {...paintOf(paint)}
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
                data-paint="--danger"
                className="absolute bottom-0 h-0.5 border-r-2 border-danger bg-danger/50"
                style={{ left: percent(toMs), width: percent(lateMs - toMs) }}
              />
            ),
        )}
        {totalMs !== null && totalMs < endMs && (
          <span
            aria-hidden
            data-paint="--ink"
            className="absolute inset-y-0 w-px bg-ink"
            style={{ left: percent(totalMs) }}
          />
        )}
      </div>
    </li>
  );
}

/** The parity's own answers are in its colour. */
function paintIn({ role }: WaterfallLane, { kind }: WaterfallBar): Paint {
  const paint = KINDS[kind];
  return role === 'parity' && (kind === 'used' || kind === 'surplus')
    ? { ...paint, colour: '--parity' }
    : paint;
}
