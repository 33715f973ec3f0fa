import type { DeploymentView } from '@sparewheel/protocol';
import { cn } from '../ui/class-names.ts';
import { formatCount } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import type { LiveAnswers } from './use-live-answers.ts';

/** How many shards of the last answer were recovered, or why there is no answer. */
export function AnswerNote({
  live: { last, asked, recoveredAnswers, problem },
  hint,
}: {
  live: LiveAnswers<unknown>;
  /** What to do before the first answer. */
  hint: string;
}) {
  if (problem !== null) return <Notice tone="danger">{problem}</Notice>;
  const recovered = last?.recovered ?? 0;
  const rescued = last?.rescued ?? 0;
  return (
    <p
      data-testid="answer-recovered"
      data-recovered={recovered}
      className={cn(
        // Two lines high from the start, so that the first answer moves nothing below.
        'min-h-15 rounded-lg px-3 py-2 text-[0.8125rem]',
        recovered > 0 ? 'bg-parity-wash text-parity-ink' : 'bg-raised text-ink-soft',
      )}
    >
      {last === null
        ? hint
        : recovered > 0
          ? `${recovered} ${recovered === 1 ? 'shard' : 'shards'} of this answer recovered from parity`
          : rescued > 0
            ? `${rescued} ${rescued === 1 ? 'shard' : 'shards'} of this answer computed by the data plane`
            : 'All data shards answered'}
      {asked > 0 && ` · ${formatCount(recoveredAnswers)} of ${formatCount(asked)} answers needed parity`}
    </p>
  );
}

/**
 * Returns what a kill does to the answers that the panel shows.
 * @param meanwhile  what the operator does during the kill: "draw", "type"
 */
export function killHint({ state, objective, planned, strategy }: DeploymentView, meanwhile: string): string {
  if (state !== 'ready' && state !== 'degraded') return 'Nothing is answered until enough devices answer.';
  if (objective === 'latency') return `Kill a device while you ${meanwhile}: the result stays the same.`;
  if (planned.r === 0 || strategy === 'uncoded')
    return `Kill a device while you ${meanwhile}: the answer waits for its seat.`;
  const devices = planned.r === 1 ? 'one device' : `up to ${planned.r} devices`;
  return `Kill ${devices} while you ${meanwhile}: the result stays the same.`;
}
