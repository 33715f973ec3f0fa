import { cn } from '../ui/class-names.ts';
import type { StageNumber } from './stage-view.ts';

const TONES: Record<StageNumber['tone'], string> = {
  ok: 'text-ok-ink',
  danger: 'text-danger-ink',
  plain: 'text-ink',
  quiet: 'text-ink-faint',
};

/** Four numbers that the last row of a room can read. */
export function StageNumbers({ numbers }: { numbers: readonly StageNumber[] }) {
  return (
    <dl className="grid grid-cols-2 gap-2 md:grid-cols-4">
      {numbers.map(({ key, label, value, note, tone }) => (
        <div key={key} className="min-w-0 rounded-xl border bg-surface px-3 py-2">
          <dt className="truncate text-[clamp(0.875rem,1.25vw,1.5rem)] leading-normal font-medium text-ink-soft">
            {label}
          </dt>
          <dd>
            <span
              data-testid={`stage-number-${key}`}
              className={cn(
                'block truncate text-[clamp(1.75rem,2.8vw,4rem)] leading-tight font-semibold tracking-[-0.02em]',
                TONES[tone],
              )}
            >
              {value}
            </span>
            <span className="block truncate text-[clamp(0.875rem,1.25vw,1.5rem)] leading-normal text-ink-soft">
              {note}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
