/** Which answer a panel may show: an answer belongs to the input that it was asked for. */

/** An earlier answer stays visible this long, so that a drawing in progress does not flicker. It is also the time after
 * which a panel reports that the deployment does not answer. */
export const NOTICEABLE_WAIT_MS = 1_000;

export interface Answered<Answer> {
  readonly input: unknown;
  readonly answer: Answer;
}

export interface CurrentAnswer<Answer> {
  /** The last answer to the current input; null while it has none. */
  readonly last: Answer | null;
  /** The answer to an earlier input, for the first moment in which the current input has none. */
  readonly previous: Answer | null;
  /** How long the current input waits for its first answer or for a new one, in ms; null if the wait is not noticeable. */
  readonly waitingMs: number | null;
}

/**
 * Returns what to show for the current input.
 * @param answered      the last answer to any input, with its input; null before the first one
 * @param inputSince    when the current input was set, in ms
 * @param answeredAt    when the last answer to any input arrived, or when asking began, in ms
 */
export function currentAnswer<Answer>(
  answered: Answered<Answer> | null,
  input: unknown,
  inputSince: number,
  answeredAt: number,
  now: number,
): CurrentAnswer<Answer> {
  const silentMs = now - answeredAt;
  const isCurrent = answered !== null && Object.is(answered.input, input);
  const waitedMs = isCurrent ? silentMs : Math.min(silentMs, now - inputSince);
  const silent = silentMs > NOTICEABLE_WAIT_MS;
  return {
    last: isCurrent ? answered.answer : null,
    previous: isCurrent || silent ? null : (answered?.answer ?? null),
    // A drawing in progress has no answer to its newest point, but answers arrive: only silence is a wait.
    waitingMs: silent ? waitedMs : null,
  };
}
