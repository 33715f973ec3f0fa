import type { Tensor } from '@sparewheel/protocol';
import type { Random } from '@sparewheel/runtime/random';
import type { LiveDeployment } from './observed-world.ts';
import type { RequestEnd, RequestRecord } from './request-record.ts';
import { LARGEST_VALUE } from './synthetic-kernels.ts';
import { LARGEST_BATCH } from './synthetic-model.ts';
import type { World } from './world.ts';

/** One request in so many has the largest batch, and one in so many is preceded by one with a larger batch. */
const LARGEST_EVERY = 7;
const TOO_LARGE_EVERY = 19;

/** Sends single requests and bursts, and passes the end of each to the checker. */
export class Clients {
  #requests = 0;
  #stopped = false;
  readonly #pending = new Set<RequestRecord>();

  constructor(
    readonly world: World,
    readonly random: Random,
  ) {}

  /** Requests of the current data plane that have not ended. */
  get pending(): ReadonlySet<RequestRecord> {
    return this.#pending;
  }

  /** Sends requests at random times, with this mean interval. */
  start(meanMs: number): void {
    this.world.clock.schedule(this.random.exponential(meanMs), () => {
      if (this.#stopped) return;
      this.requestAny();
      this.start(meanMs);
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  burst(count: number): void {
    for (let i = 0; i < count; i++) this.requestAny();
  }

  planeEnded(): void {
    this.#pending.clear();
  }

  requestAny(): void {
    const { heavy } = this.world.scenario;
    // Requests of the heavy model do not wait for each other.
    const busy = heavy !== null && [...this.#pending].some(({ deployment }) => deployment === heavy.name);
    const live = [...this.world.deployments.values()].filter(({ name }) => !busy || name !== heavy.name);
    if (live.length === 0) return;
    const deployment = this.random.pick(live);
    if (this.#requests % TOO_LARGE_EVERY === 1) this.#requestTooLarge(deployment);
    this.request(deployment);
  }

  request(deployment: LiveDeployment): void {
    const { world } = this;
    const { plane, clock, trace, checker } = world;
    if (!plane) return;
    const snapshot = world.observeSwitches();
    checker.checkBounds(snapshot);
    const found = snapshot.deployments.find((each) => each.name === deployment.name);
    if (!found) {
      checker.complain('g: a restart restores everything', `${deployment.name} is gone`);
      return;
    }
    const { seats, inFlight } = found;
    const deadlineMs = this.random.chance(world.scenario.heavy === null ? 0.1 : 0)
      ? this.random.between(30, 2_000)
      : deployment.policy.deadlineMs;
    const { active, latest, policy, everReady, width, name } = deployment;
    const queued = inFlight >= world.scenario.options.requestsInFlight!;
    const record: RequestRecord = {
      number: ++this.#requests,
      deployment: name,
      input: this.#input(width),
      startedAt: clock.now(),
      deadlineMs,
      policy,
      models: new Set([active.model, latest.model]),
      plan: active.plan,
      plans: new Set(queued ? [active.plan, latest.plan] : [active.plan]),
      seats,
      everReady,
      queued,
      engineBusyMs: plane.engine.busyMs,
      engineBacklogMs: plane.engine.backlogMs,
      aborted: false,
    };
    this.#pending.add(record);
    checker.started();
    trace.note('request', name, record.number);
    const end = (result: RequestEnd) => {
      // If the data plane ended, the client's connection broke.
      if (world.plane !== plane) return;
      this.#pending.delete(record);
      trace.note(result.kind, name, record.number, 0, () =>
        result.kind === 'failed' ? result.error.message : '',
      );
      checker.ended(record, result, plane);
    };
    // An abort signal costs as much as the rest of a request, so most have none.
    const controller = this.random.chance(0.02) ? new AbortController() : null;
    if (controller) {
      clock.schedule(this.random.between(0, 40), () => {
        if (!this.#pending.has(record) || world.plane !== plane) return;
        record.aborted = true;
        controller.abort();
        clock.touch();
      });
    }
    plane.coordinator
      .infer(name, { t0: record.input }, { deadlineMs, ...(controller && { signal: controller.signal }) })
      .then(
        (inference) => end({ kind: 'answered', inference }),
        (error: Error & { code?: string }) => end({ kind: 'failed', error }),
      );
    clock.touch();
    if (world.scenario.mirror !== null) checker.checkCopy(name, snapshot, plane.coordinator.snapshot());
  }

  /** Accepts the answers of both plans, and of both models, until the change to the new plan is complete. */
  redeployed({ name, latest }: LiveDeployment): void {
    for (const record of this.#pending) {
      if (record.deployment !== name) continue;
      record.models.add(latest.model);
      if (record.queued) record.plans.add(latest.plan);
    }
  }

  /** Sends a request with a batch above the limit. It must be refused, and is not counted as a request. */
  #requestTooLarge({ name, width }: LiveDeployment): void {
    const { plane, checker } = this.world;
    if (!plane) return;
    const batch = LARGEST_BATCH + 1;
    const data = new Float32Array(batch * width);
    const input: Tensor = { type: 'float32', dims: [batch, width], data };
    plane.coordinator.infer(name, { t0: input }).then(
      () => checker.complain('bounds', `${name} accepted a batch of ${LARGEST_BATCH + 1}`),
      // A deployment that is not ready refuses it, too.
      () => {},
    );
    this.world.clock.touch();
  }

  #input(width: number): Tensor {
    const batch = this.random.pick([1, 1, 1, 2, 3]);
    const data = Float32Array.from({ length: batch * width }, () =>
      this.random.whole(-LARGEST_VALUE, LARGEST_VALUE),
    );
    const input: Tensor = { type: 'float32', dims: [batch, width], data };
    return this.#requests % LARGEST_EVERY === 0 ? withBatch(input, LARGEST_BATCH) : input;
  }
}

/** Repeats the rows of an input up to another batch. */
function withBatch({ dims, data }: Tensor, batch: number): Tensor {
  const values = data as Float32Array;
  const repeated = Float32Array.from({ length: batch * dims[1]! }, (_, i) => values[i % values.length]!);
  return { type: 'float32', dims: [batch, dims[1]!], data: repeated };
}
