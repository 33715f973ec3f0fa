import type { DeploymentView } from '@sparewheel/protocol';
import { cn } from '../ui/class-names.ts';
import { formatCount } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import type { LiveAnswers } from './use-live-answers.ts';

/** What parity did for the last answer, or why there is no answer. */
export function AnswerNote({
  live: { last, previous, waitingMs, asked, recoveredAnswers, problem },
  deployment,
  meanwhile,
}: {
  live: LiveAnswers<unknown>;
  deployment: DeploymentView;
  /** What to do during a kill: "draw", "type". */
  meanwhile: string;
}) {
  if (problem !== null) return <Notice tone="danger">{problem}</Notice>;
  if (waitingMs !== null) {
    return (
      <p
        data-testid="answer-waiting"
        className="min-h-15 rounded-lg bg-warning-wash px-3 py-2 text-[0.8125rem] text-warning-ink"
      >
        {describeWait(waitingMs, last !== null)}
      </p>
    );
  }
  const shown = last ?? previous;
  const recovered = shown?.recovered ?? 0;
  const failed = hasFailedSeat(deployment);
  return (
    <p
      data-testid="answer-recovered"
      data-recovered={recovered}
      className={cn(
        // Two lines high from the start, so that the first answer moves nothing below.
        'min-h-15 rounded-lg px-3 py-2 text-[0.8125rem]',
        recovered > 0 && failed ? 'bg-parity-wash text-parity-ink' : 'bg-raised text-ink-soft',
      )}
    >
      {shown === null ? killHint(deployment, meanwhile) : describeAnswer(shown, failed)}
      {asked > 0 && ` · ${formatCount(recoveredAnswers)} of ${formatCount(asked)} answers used parity`}
    </p>
  );
}

/** Says how long an input waits. @param answered  whether it has an earlier answer */
export function describeWait(waitingMs: number, answered: boolean): string {
  const seconds = `${formatCount(Math.max(1, Math.floor(waitingMs / 1_000)))} s`;
  return answered
    ? `No new answer for ${seconds}. The result above is the last answer to this input.`
    : `This input has waited ${seconds} for an answer.`;
}

/** Returns whether a device is missing now. Without one, parity only replaces slow answers. */
export function hasFailedSeat({ progress }: Pick<DeploymentView, 'progress'>): boolean {
  return progress.seats.some(({ state }) => state !== 'ready');
}

/** Says how an answer came about. @param failed  whether a device is missing */
export function describeAnswer(
  { recovered, rescued }: { readonly recovered: number; readonly rescued: number },
  failed: boolean,
): string {
  const shards = (count: number) => `${formatCount(count)} ${count === 1 ? 'shard' : 'shards'}`;
  if (recovered > 0) {
    return failed
      ? `${shards(recovered)} of this answer recovered from parity`
      : `This answer did not wait for ${shards(recovered)} of slow devices`;
  }
  return rescued > 0
    ? `${shards(rescued)} of this answer computed by the data plane`
    : 'All data shards answered';
}

/**
 * Returns what a kill does to the answers that the panel shows.
 * @param meanwhile  what the operator does during the kill
 */
export function killHint({ state, policy, planned }: DeploymentView, meanwhile: string): string {
  if (state !== 'ready' && state !== 'degraded') return 'Nothing is answered until enough devices answer.';
  if (policy.rescue === 'data-plane')
    return `Kill a device while you ${meanwhile}: the result stays the same.`;
  if (planned.r === 0) {
    const until = policy.rescue === 'devices' ? 'until another device has its shard' : 'for its seat';
    return `Kill a device while you ${meanwhile}: the answer waits ${until}.`;
  }
  const devices = planned.r === 1 ? 'one device' : `up to ${planned.r} devices`;
  return `Kill ${devices} while you ${meanwhile}: the result stays the same.`;
}
