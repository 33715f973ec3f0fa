import type { RequestOutcome, RequestTrace } from '@sparewheel/coordinator';
import {
  ANSWER_DOTS,
  type AnswerBatch,
  type AnswerDot,
  type AnswerStatistics,
  type AnswerUpdate,
  type DeviceFailure,
  type FaultReportView,
  type InjectedFault,
  LIMITS,
} from '@sparewheel/protocol';
import { AnswerSample } from './answer-sample.ts';
import { DeploymentStatistics } from './answer-statistics.ts';
import { type DeploymentAtFault, FaultReport } from './fault-report.ts';

/** Updates without news, so that pages know the time and new pages get the statistics. */
const REFRESH_MS = 1_000;
/** Statistics are sent at most so often: percentiles cost more than dots, and twice a second is as fast as a person reads. */
const STATISTICS_MS = 500;
/** The same for reports, which a page waits for after a kill. */
const REPORTS_MS = 200;
const REPORTS_KEPT = 16;
/** A loss that is noticed so soon after an injected fault of the same device belongs to that fault. */
const NOTICED_MS = LIMITS.pingIntervalMs + LIMITS.pingTimeoutMs + 1_000;
/** Answers remembered per deployment, because verification may find them wrong afterwards. */
const REMEMBERED = 1_024;

/** A deployment as the feed needs it, at one moment. */
export interface LiveDeploymentFacts extends Omit<DeploymentAtFault, 'seated'> {
  /** Device ids of its seats. */
  readonly devices: readonly (string | null)[];
  /** Returns the ages in ms of the accepted requests that have not ended. */
  readonly agesMs: () => readonly number[];
}

export interface AnswerFeedPorts {
  /** ms since 1970, with fractions; monotonic. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly deployments: () => readonly LiveDeploymentFacts[];
  readonly nameOf: (device: string) => string;
  readonly post: (update: AnswerUpdate) => void;
}

/**
 * Reports every answer of every deployment to the dashboard in bounded batches, with exact statistics, and reports
 * what happened to the requests in flight at each fault.
 */
export class AnswerFeed {
  readonly #ports: AnswerFeedPorts;
  readonly #lanes = new Map<string, Lane>();
  #reports: FaultReport[] = [];
  #nextReport = 1;
  #names = '';
  #timer: NodeJS.Timeout | null = null;
  #postedAt = 0;
  #statisticsAt = 0;
  #reportsAt = 0;
  #statisticsChanged = true;
  #reportsChanged = true;

  constructor(ports: AnswerFeedPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), ANSWER_DOTS.batchMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Records the end of a request. */
  finished(deployment: string, outcome: RequestOutcome): void {
    const now = this.#ports.now();
    for (const report of this.#reports) {
      this.#reportsChanged ||= report.measuring || outcome.corrupt;
      report.finished(deployment, outcome, now);
    }
    if (outcome.status === 'canceled') return;
    this.#lane(deployment, now).record(outcome, now);
    this.#statisticsChanged = true;
  }

  /** Records that a mirror did not get a copy. */
  skipped(deployment: string): void {
    for (const report of this.#reports) report.skipped(deployment);
    this.#lane(deployment, this.#ports.now()).statistics.skippedOne();
    this.#statisticsChanged = true;
    this.#reportsChanged = true;
  }

  /** Records that an answer was wrong, found by verification after it was given. */
  foundWrong(deployment: string, request: number): void {
    const dot = this.#lanes.get(deployment)?.foundWrong(request) ?? null;
    if (dot === null) return;
    for (const report of this.#reports) report.foundWrong(deployment, request, dot.at - dot.latencyMs);
    this.#reportsChanged = true;
    this.#statisticsChanged = true;
  }

  /** Starts a report, and new statistics of the deployments on the device. */
  injected(device: string, fault: InjectedFault): void {
    this.#fault(device, fault);
  }

  /** Starts the same report for a device that failed by itself. Does nothing after a recent report of the device. */
  noticed(device: string, fault: DeviceFailure): void {
    const now = this.#ports.now();
    const known = this.#reports.some(({ facts }) => facts.device === device && now - facts.at < NOTICED_MS);
    if (!known) this.#fault(device, fault);
  }

  /** Newest first. */
  reports(): readonly FaultReportView[] {
    const now = this.#ports.now();
    return this.#reports.map((report) => report.view(now));
  }

  /** Returns a report with the trace of its slowest request in flight by deployment; null if it is not kept. */
  report(
    id: number,
  ): (FaultReportView & { readonly traces: Readonly<Record<string, RequestTrace | null>> }) | null {
    const report = this.#reports.find(({ facts }) => facts.id === id);
    return report === undefined ? null : { ...report.view(this.#ports.now()), traces: report.traces() };
  }

  /** Posts what is new. */
  tick(): void {
    const now = this.#ports.now();
    const refresh = now - this.#postedAt >= REFRESH_MS;
    const measuring = this.#reports.some((report) => report.measuring);
    if (refresh || measuring) this.#review(now);
    const batches = [...this.#lanes.values()].flatMap((lane) => lane.batch() ?? []);
    const statistics =
      refresh || (this.#statisticsChanged && now - this.#statisticsAt >= STATISTICS_MS)
        ? this.#statistics()
        : null;
    const faults =
      refresh || (this.#reportsChanged && now - this.#reportsAt >= REPORTS_MS) ? this.reports() : null;
    if (batches.length === 0 && statistics === null && faults === null) return;
    this.#postedAt = refresh ? now : this.#postedAt;
    if (statistics !== null) {
      this.#statisticsAt = now;
      this.#statisticsChanged = false;
    }
    if (faults !== null) {
      this.#reportsAt = now;
      this.#reportsChanged = false;
    }
    this.#ports.post({
      at: now,
      batches,
      ...(statistics === null ? {} : { statistics }),
      ...(faults === null ? {} : { faults }),
    });
  }

  #fault(device: string, fault: DeviceFailure): void {
    const { now: clock, deployments, nameOf } = this.#ports;
    const now = clock();
    const all = deployments().map((each) => ({ ...each, seated: each.devices.includes(device) }));
    if (all.length === 0) return;
    for (const { name, seated } of all) {
      if (!seated) continue;
      this.#lane(name, now).statistics.startOver(now);
    }
    const facts = { id: this.#nextReport++, at: now, device, deviceName: nameOf(device), fault };
    for (const report of this.#reports) report.superseded();
    this.#reports = [new FaultReport(facts, all), ...this.#reports].slice(0, REPORTS_KEPT);
    this.#reportsChanged = true;
    this.#statisticsChanged = true;
  }

  #statistics(): AnswerStatistics[] {
    const facts = new Map(this.#ports.deployments().map((each) => [each.name, each]));
    return [...this.#lanes].map(([name, { statistics }]) => statistics.view(facts.get(name)?.agesMs() ?? []));
  }

  /** Follows the list of deployments, and ends measurements that get no more requests. */
  #review(now: number): void {
    const deployments = this.#ports.deployments();
    const names = deployments.map(({ name }) => name).join('\n');
    for (const name of this.#lanes.keys()) {
      if (deployments.every((each) => each.name !== name)) this.#lanes.delete(name);
    }
    for (const { name } of deployments) this.#lane(name, now);
    if (names !== this.#names) {
      // Deployments are compared, so all of them start at the same time.
      this.#names = names;
      for (const lane of this.#lanes.values()) lane.statistics.startOver(now);
      this.#statisticsChanged = true;
    }
    const measuring = this.#reports.filter((report) => report.measuring);
    if (measuring.length === 0) return;
    const present = new Map(
      deployments.map(({ name, inFlight, agesMs }) => [name, { inFlight, oldestMs: agesMs()[0] ?? 0 }]),
    );
    for (const report of measuring) report.review(present, now);
    this.#reportsChanged = true;
  }

  #lane(deployment: string, now: number): Lane {
    let lane = this.#lanes.get(deployment);
    if (lane === undefined) {
      lane = new Lane(deployment, now, this.#ports.random);
      this.#lanes.set(deployment, lane);
    }
    return lane;
  }
}

/** The answers of one deployment. */
class Lane {
  readonly statistics: DeploymentStatistics;
  readonly #deployment: string;
  readonly #answered: AnswerSample<AnswerDot>;
  readonly #others: AnswerSample<AnswerDot>;
  readonly #recent = new Map<number, AnswerDot>();
  #ended = 0;

  constructor(deployment: string, now: number, random: () => number) {
    this.#deployment = deployment;
    this.statistics = new DeploymentStatistics(deployment, now);
    this.#answered = new AnswerSample(ANSWER_DOTS.answered, random);
    this.#others = new AnswerSample(ANSWER_DOTS.others, random);
  }

  record(outcome: RequestOutcome, now: number): void {
    const { status, latencyMs, survivedFailure, corrupt, request } = outcome;
    const dot: AnswerDot = {
      at: round(now),
      latencyMs: round(latencyMs),
      outcome: status === 'failed' ? 'failed' : corrupt ? 'wrong' : 'answered',
      survived: survivedFailure,
    };
    this.#ended++;
    this.statistics.record(dot);
    (dot.outcome === 'answered' ? this.#answered : this.#others).add(dot);
    if (dot.outcome !== 'answered') return;
    this.#recent.set(request, dot);
    if (this.#recent.size > REMEMBERED) this.#recent.delete(this.#recent.keys().next().value!);
  }

  /** @returns the answer if it was remembered, and not known to be wrong; otherwise null */
  foundWrong(request: number): AnswerDot | null {
    const dot = this.#recent.get(request);
    if (dot === undefined) return null;
    this.#recent.delete(request);
    this.#others.add({ ...dot, outcome: 'wrong' });
    this.statistics.foundWrong(dot);
    return dot;
  }

  /** Returns the requests that ended, or were found wrong, since the last call; null without any. */
  batch(): AnswerBatch | null {
    const dots = [...this.#answered.take(), ...this.#others.take()];
    if (dots.length === 0) return null;
    const ended = this.#ended;
    this.#ended = 0;
    return { deployment: this.#deployment, ended, dots };
  }
}

/** Microseconds are enough, and shorter as text. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
