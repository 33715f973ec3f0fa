import { cn } from '../../ui/class-names.ts';
import { formatMs } from '../../ui/format.ts';
import type { Classification } from './digit-view.ts';

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The predicted digit, and the ten probabilities as bars. */
export function DigitResult({
  classification,
  current,
  latencyMs,
}: {
  classification: Classification | null;
  /** Whether this is the answer to the current drawing; false for the drawing before it. */
  current: boolean;
  latencyMs: number | null;
}) {
  return (
    <div className="flex min-w-0 flex-1 flex-col">
      <div className="flex items-baseline gap-3">
        <output
          data-testid="digit-prediction"
          aria-label="Predicted digit"
          className={cn(
            'w-10 text-6xl leading-none font-semibold tracking-[-0.03em]',
            !current && 'text-ink-faint',
          )}
        >
          {classification?.digit ?? '?'}
        </output>
        <div className="min-w-0 text-xs text-ink-faint">
          <p data-testid="digit-latency" className="text-sm text-ink">
            {current ? formatMs(latencyMs) : '–'}
          </p>
          <p>latency</p>
        </div>
      </div>
      <ul aria-label="Probability of each digit" className="mt-2 flex flex-1 flex-col justify-between">
        {DIGITS.map((digit) => (
          <Bar
            key={digit}
            digit={digit}
            probability={classification?.probabilities[digit] ?? 0}
            best={classification?.digit === digit}
          />
        ))}
      </ul>
    </div>
  );
}

function Bar({ digit, probability, best }: { digit: number; probability: number; best: boolean }) {
  const percent = `${(probability * 100).toFixed(0)} %`;
  return (
    <li className="grid grid-cols-[0.5rem_minmax(0,1fr)_2.5rem] items-center gap-1.5 text-xs leading-4">
      <span className={best ? 'font-semibold' : 'text-ink-faint'}>{digit}</span>
      <span className="h-1.5 overflow-hidden rounded-full bg-raised">
        <span
          className={cn(
            'block h-full rounded-full transition-[width] duration-150',
            best ? 'bg-ink' : 'bg-idle',
          )}
          style={{ width: `${probability * 100}%` }}
        />
      </span>
      <span className={cn('text-right whitespace-nowrap', best ? 'font-medium' : 'text-ink-faint')}>
        {percent}
      </span>
    </li>
  );
}
