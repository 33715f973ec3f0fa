'use client';
import { useLive } from '../live-connection/live-queries.ts';
import { cn } from '../ui/class-names.ts';
import { formatBytes, formatMagnitude } from '../ui/format.ts';
import type { DrawnSeat, PlanDrawing } from './plan-drawing.ts';

const FILLS: Record<DrawnSeat['role'], string> = { data: 'bg-data', parity: 'bg-parity', replica: 'bg-data' };

/** The weights, work and traffic of each device. The bars show weights relative to the largest. */
export function SeatBars({ drawing: { seats } }: { drawing: PlanDrawing }) {
  const names = new Map(useLive('devices').map(({ id, name }) => [id, name]));
  if (seats.length === 0) {
    return <p className="text-[0.8125rem] text-ink-soft">The data plane runs all layers.</p>;
  }
  return (
    <section aria-label="Devices of the plan">
      <h3 className="mb-1.5 text-xs font-medium text-ink-soft">
        Devices{' '}
        <span className="font-normal text-ink-faint">
          weights, multiply-adds (m-a) and traffic per request
        </span>
      </h3>
      <ul data-testid="plan-seats" className="grid gap-x-8 gap-y-1.5 @3xl:grid-cols-2">
        {seats.map((seat) => (
          <li
            key={seat.seat}
            className="grid grid-cols-[5rem_minmax(0,1fr)_auto] items-center gap-x-3 text-[0.8125rem] leading-5"
          >
            <span className="truncate" title={seat.label}>
              {(seat.device !== null && names.get(seat.device)) || seat.label}
            </span>
            <span aria-hidden className="h-2 overflow-hidden rounded-full bg-raised">
              <span
                className={cn('block h-full rounded-full', FILLS[seat.role])}
                style={{ width: `${Math.max(1, seat.share * 100)}%` }}
              />
            </span>
            <span className="text-right whitespace-nowrap">
              <span className="inline-block min-w-16">
                {formatBytes(seat.weightsBytes)}
                {seat.memoryBytes !== null && (
                  <span className="text-ink-faint"> of {formatBytes(seat.memoryBytes)}</span>
                )}
              </span>
              <span className="ml-2 inline-block min-w-32 text-xs text-ink-faint max-sm:hidden">
                {formatMagnitude(seat.multiplyAdds)} m-a · {formatBytes(seat.bytesMoved)}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
