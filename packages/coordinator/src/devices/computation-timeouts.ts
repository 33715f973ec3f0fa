import { type CoordinatorOptions, SHORTEST_WAIT_MS } from '../options.ts';
import type { Clock } from '../ports.ts';
import type { AnswerTime } from './answer-time.ts';
import type { Entry, InFlightTable } from './in-flight-table.ts';

/** Factor on the silence timeout until a device's first answer, because its first run may be cold. */
const FIRST_ANSWER_FACTOR = 5;
/** Upper limit of the silence timeout for a slow step, in multiples of `silentAfterMs`. Reports do not extend it. */
const MAX_SILENCE_FACTOR = 10;
/** The silence timeout of a slow step, in multiples of its expected time on the device. */
const ANSWER_TIMES_TO_SILENCE = 4;

/** A computation that a device says it has received and not finished. */
export interface ReportedComputation {
  readonly request: number;
  readonly task: number;
}

export interface TimedOut<D = unknown> {
  readonly computation: Entry<D>;
  /** `late` if the device reports that it computes; the computation then stays in flight. */
  readonly reason: 'late' | 'silent';
}

export interface TimeoutObserver<D> {
  /** The device's smoothed time to an answer, for steps whose time is not known; null before its first answer. */
  arrivalMs(): number | null;
  /** @param unanswered  the oldest computation whose missing answer shows that the device is silent, or null */
  timedOut(computations: readonly TimedOut<D>[], unanswered: Entry<D> | null): void;
}

/**
 * Times out the computations of one device. A computation is late when it is much older than this device needs for this
 * step, and for those sent before it. A late computation is lost, or the device is silent, unless the device
 * reports that it computes.
 */
export class ComputationTimeouts<D> {
  #lastMessageAt = Number.NEGATIVE_INFINITY;
  #lastReportAt = Number.NEGATIVE_INFINITY;
  #timer: (() => void) | null = null;

  constructor(
    readonly computations: InFlightTable<D>,
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
    readonly observer: TimeoutObserver<D>,
  ) {}

  /** Starts to check the computations in flight, if that does not run. */
  start(): void {
    if (this.#timer === null) this.#schedule(this.options.silentAfterMs);
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
  }

  /** Records an answer, a refusal or a new connection. */
  recordMessage(now: number): void {
    this.#lastMessageAt = now;
  }

  /**
   * Records the device's report that it has received computations and has not finished them. Reports about other
   * computations than those in flight are ignored: their answers may have been faster.
   */
  recordReport(reported: readonly ReportedComputation[], now: number): void {
    for (const { request, task } of reported) {
      const computation = this.computations.find(request, task);
      if (computation === undefined) continue;
      computation.reportedAt = now;
      this.#lastReportAt = now;
    }
  }

  #schedule(delayMs: number): void {
    const due = this.clock.now() + delayMs;
    this.#timer = this.clock.schedule(delayMs, () => {
      this.#timer = null;
      const overdueMs = this.clock.now() - due;
      // The timer is late because this thread was blocked. Answers may wait unread in the sockets; read them first.
      if (overdueMs > this.options.silentAfterMs / 4) this.#schedule(this.options.silentAfterMs / 4);
      else this.#check();
    });
  }

  #check(): void {
    const now = this.clock.now();
    const unanswered = this.#firstUnanswered(now);
    const timedOut: TimedOut<D>[] = [];
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (let computation = this.computations.oldest; computation !== null; ) {
      const next: Entry<D> | null = computation.younger;
      const lateInMs = this.#lateInMs(computation, now);
      if (computation.cancelOrder > 0 && (lateInMs <= 0 || unanswered !== null)) {
        this.computations.remove(computation);
      } else if (unanswered !== null || (lateInMs <= 0 && this.#abandonInMs(computation, now) <= 0)) {
        this.computations.timeOut(computation);
        timedOut.push({ computation, reason: 'silent' });
      } else {
        if (lateInMs <= 0 && !computation.late) {
          computation.late = true;
          computation.time.observeAtLeast(now - computation.sentAt);
          timedOut.push({ computation, reason: 'late' });
        }
        nextDueMs = Math.min(nextDueMs, lateInMs > 0 ? lateInMs : this.#abandonInMs(computation, now));
      }
      computation = next;
    }
    if (nextDueMs < Number.POSITIVE_INFINITY) {
      // Check at least this often, because the timeout can shrink when the device's first answers arrive.
      this.#schedule(Math.max(Math.min(nextDueMs, this.options.silentAfterMs), SHORTEST_WAIT_MS));
    }
    this.observer.timedOut(timedOut, unanswered);
  }

  /** Returns the oldest computation whose missing answer shows that the device is silent. */
  #firstUnanswered(now: number): Entry<D> | null {
    for (let each = this.computations.oldest; each !== null; each = each.younger) {
      if (each.cancelOrder > 0 || this.#lateInMs(each, now) > 0) continue;
      if (this.#abandonInMs(each, now) <= 0 && this.#isLastSignOfLife(each, now)) return each;
    }
    return null;
  }

  /** Returns after how many milliseconds a computation is late; at most 0 if it is. */
  #lateInMs({ time, ahead, late, sentAt }: Entry<D>, now: number): number {
    // The lateness itself makes the expected time longer. That counts for the next computation.
    if (late) return 0;
    const { silentAfterMs } = this.options;
    const leastMs = this.observer.arrivalMs() === null ? silentAfterMs * FIRST_ANSWER_FACTOR : silentAfterMs;
    const expectedMs = Math.max(this.#expectedMs(time), ahead === null ? 0 : this.#expectedMs(ahead));
    const timeoutMs = Math.max(leastMs, ANSWER_TIMES_TO_SILENCE * expectedMs);
    return sentAt + Math.min(timeoutMs, this.#longestTimeoutMs) - now;
  }

  #expectedMs({ expectedMs }: AnswerTime): number {
    return expectedMs ?? this.observer.arrivalMs() ?? 0;
  }

  get #longestTimeoutMs(): number {
    return this.options.silentAfterMs * MAX_SILENCE_FACTOR;
  }

  /** Returns after how many milliseconds a late computation is abandoned, unless the device reports it again. */
  #abandonInMs({ sentAt, reportedAt }: Entry<D>, now: number): number {
    return Math.min(reportedAt + this.options.silentAfterMs, sentAt + this.#longestTimeoutMs) - now;
  }

  /** Whether the device gave no later sign of life. Otherwise only this computation was lost. */
  #isLastSignOfLife({ sentAt, reportedAt }: Entry<D>, now: number): boolean {
    // The device still reports this computation after the longest timeout. Only an answer to another one counts.
    if (reportedAt + this.options.silentAfterMs > now) return this.#lastMessageAt <= sentAt;
    return Math.max(this.#lastMessageAt, this.#lastReportAt) <= Math.max(sentAt, reportedAt);
  }
}
