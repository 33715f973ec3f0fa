import type { ReadLine } from '@sparewheel/zoo/line-reader';
import { Check, TriangleAlert } from 'lucide-react';
import { cn } from '../../ui/class-names.ts';
import { formatMs, formatPercent } from '../../ui/format.ts';
import type { Comparison } from './line-view.ts';

export const COMPARISONS: Readonly<Record<Comparison, string>> = {
  same: 'exactly as typed',
  spaces: 'as typed, except for spaces',
  different: 'differs from the typed text',
  unknown: '',
};

/** The text that was read, how sure the model is, and whether it is the typed text. */
export function LineResult({
  read,
  current,
  latencyMs,
  comparison,
}: {
  read: ReadLine | null;
  /** Whether this was read from the current line; false for the line before it. */
  current: boolean;
  latencyMs: number | null;
  comparison: Comparison;
}) {
  return (
    <div className="flex min-h-24 flex-1 flex-col justify-center gap-1">
      <output
        data-testid="line-text"
        aria-label="Text that was read"
        className={cn(
          'text-2xl leading-8 font-semibold tracking-[-0.02em] [overflow-wrap:anywhere]',
          (!current || read === null || read.text === '') && 'text-ink-faint',
        )}
      >
        {read === null ? '?' : read.text === '' ? 'no text' : read.text}
      </output>
      <p className="flex flex-wrap items-center gap-x-3 text-xs text-ink-faint">
        <span data-testid="line-latency">{current ? formatMs(latencyMs) : '–'}</span>
        {current && read !== null && read.text !== '' && (
          <span>confidence {formatPercent(read.confidence, 0)}</span>
        )}
        {comparison !== 'unknown' && (
          <span
            data-testid="line-comparison"
            className={cn(
              'inline-flex items-center gap-1',
              comparison === 'same' ? 'text-ok-ink' : comparison === 'different' && 'text-danger-ink',
            )}
          >
            {comparison === 'different' ? (
              <TriangleAlert className="size-3.5" />
            ) : (
              <Check className="size-3.5" />
            )}
            {COMPARISONS[comparison]}
          </span>
        )}
      </p>
    </div>
  );
}
