/** Live data of single answers: the lanes of the duel and the kill card. Safe for browsers. */
import type { HistogramBin } from './distribution.ts';
import type { DeviceFailure } from './faults.ts';

/** `wrong`: the answer is known to contain a wrong value. `failed`: the request ended with an explicit error. */
export type AnswerOutcome = 'answered' | 'failed' | 'wrong';

/** The end of one request. Requests that their caller canceled are left out. */
export interface AnswerDot {
  /** When it ended, in ms since 1970. */
  readonly at: number;
  /** From acceptance to the end. */
  readonly latencyMs: number;
  readonly outcome: AnswerOutcome;
  /** Parity replaced a shard of a device that had failed when the answer was given. */
  readonly survived: boolean;
}

/** The requests of one deployment that ended since the last batch. */
export interface AnswerBatch {
  readonly deployment: string;
  /** How many ended. With more of them than dots, the dots are a fair sample: see ANSWER_DOTS. */
  readonly ended: number;
  readonly dots: readonly AnswerDot[];
}

/**
 * Bounds of a batch. Up to `answered` answers and, separately, up to `others` failed or wrong ones are sent; each of
 * them has the same chance to be among the dots.
 */
export const ANSWER_DOTS = { batchMs: 100, answered: 30, others: 30 } as const;

/** Exact numbers of one deployment since the last fault, or since the list of deployments changed. */
export interface AnswerStatistics {
  readonly deployment: string;
  /** In ms since 1970. */
  readonly since: number;
  readonly answered: number;
  readonly failed: number;
  readonly wrong: number;
  /** Copies that a mirror did not get, because it had as many requests in flight as the closed load of the original. */
  readonly skipped: number;
  /**
   * Of all answers, wrong ones included, in ms; zeros without one. A request that has waited noticeably long counts with
   * its age, so that a deployment that stalls does not look fast.
   */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** The percentiles that are lower bounds, because requests still wait. */
  readonly atLeast: readonly ('p50' | 'p95' | 'p99')[];
  /** All answers in bins of equal ratio, ten per factor of ten. Only bins with answers, ascending. */
  readonly histogram: readonly HistogramBin[];
}

/** How one deployment went through a fault. The requests in flight are those accepted before it and not ended. */
export interface FaultImpactView {
  readonly deployment: string;
  /** Whether the device had a seat of the deployment. */
  readonly seated: boolean;
  readonly inFlight: number;
  /** How the requests in flight ended. Together with `waiting` they add up to `inFlight`. */
  readonly answered: number;
  readonly wrong: number;
  readonly failed: number;
  readonly canceled: number;
  readonly waiting: number;
  /** Latency of the slowest answer to a request in flight, from its acceptance. null before the first answer. */
  readonly slowestMs: number | null;
  /** Number of that request. Its trace is in `GET /api/faults/{id}`. */
  readonly slowestRequest: number | null;
  /** Requests accepted after the fault that failed. Counted while measuring. */
  readonly failedAfter: number;
  /** Requests accepted after the fault whose answer is known to be wrong. Counted until the next fault. */
  readonly wrongAfter: number;
  /** Copies that a mirror did not get since the fault, see `AnswerStatistics`. Counted while measuring. */
  readonly skipped: number;
  /**
   * From the fault to the end of the longest time without an answer while requests waited. null before the first answer,
   * and while the present time without an answer is the longest.
   * Final a second after the fault at the earliest: when all requests in flight have ended and a later one was answered
   * after the last failure.
   */
  readonly answeringAgainMs: number | null;
  /**
   * That longest time itself, the present one included. Failed requests do not end it. A deployment that answers
   * throughout has a short one. null if no request has waited.
   */
  readonly longestSilenceMs: number | null;
  /** Whether the numbers may still change. */
  readonly measuring: boolean;
}

/** What happened to the requests in flight when a fault hit a device. */
export interface FaultReportView {
  readonly id: number;
  /** ISO 8601, with milliseconds. */
  readonly at: string;
  readonly device: string;
  readonly deviceName: string;
  readonly fault: DeviceFailure;
  /** All deployments, sorted by name. */
  readonly deployments: readonly FaultImpactView[];
  readonly measuring: boolean;
}

/** `/ui`, server → dashboard, ten times a second while requests end, otherwise once a second. */
export interface AnswerUpdate {
  /** When the data plane sent it, in ms since 1970. */
  readonly at: number;
  readonly batches: readonly AnswerBatch[];
  /** Of all deployments; absent if nothing changed. */
  readonly statistics?: readonly AnswerStatistics[];
  /** The latest reports, newest first; absent if nothing changed. */
  readonly faults?: readonly FaultReportView[];
}
