import { Product } from '@sparewheel/e2e/product';
import type { DeviceView } from '@sparewheel/protocol';
import type { Benchmark } from './benchmark.ts';
import { InferenceClient } from './inference-client.ts';
import { ANSWER_TOLERANCE, type KnownCase, lenet5Cases, relativeError } from './lenet5-reference.ts';
import { median, percentile } from './measure.ts';

const DEPLOYMENT = 'lenet5';
const FLEET = 6;
const IN_FLIGHT = 8;
const ROUNDS = 3;
/** Devices per round that are partitioned, and as many that are paused. */
const SILENT_PER_ROUND = 3;
const WARM_UP_MS = 10_000;
const HEALTHY_MS = 3_000;
/** Half of the window around a fault. */
const AROUND_MS = 500;
/**
 * Duration of a fault. Shorter than the wait before a takeover, so that the device's answers are recovered.
 */
const DEAD_MS = 1_300;
const TIMEOUT_MS = 30_000;
const LATENCY_GOAL = 1.1;
const DEAD_GOAL = 1.02;

type Fault = 'kill' | 'partition' | 'pause';

interface Sample {
  readonly sentAt: number;
  readonly ms: number;
}

/** Eight clients with one request in flight each. Checks every answer. */
class ClosedLoop {
  readonly samples: Sample[] = [];
  failed = 0;
  lost = 0;
  wrong = 0;
  recovered = 0;
  /** Send times of rescued requests. */
  readonly rescuedAt: number[] = [];
  readonly #client: InferenceClient;
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(product: Product, cases: readonly KnownCase[]) {
    this.#client = new InferenceClient(product.ports.data, product.tokens.infer, TIMEOUT_MS);
    this.#clients = Array.from({ length: IN_FLIGHT }, (_, at) => this.#run(cases, at));
  }

  async #run(cases: readonly KnownCase[], first: number): Promise<void> {
    for (let at = first; !this.#stopped; at++) {
      const known = cases[at % cases.length]!;
      const sentAt = performance.now();
      const inferred = await this.#client.infer(DEPLOYMENT, known.request);
      if (inferred.kind === 'refused') this.failed++;
      else if (inferred.kind === 'broken') this.lost++;
      else {
        this.samples.push({ sentAt, ms: performance.now() - sentAt });
        if (!(relativeError(inferred.output, known.logits) <= ANSWER_TOLERANCE)) this.wrong++;
        if (inferred.recovered > 0) this.recovered++;
        if (inferred.rescued > 0) this.rescuedAt.push(sentAt);
      }
    }
  }

  /** Returns the latencies of requests that were in flight in [from, to). */
  between(from: number, to: number): number[] {
    return this.samples.filter(({ sentAt, ms }) => sentAt < to && sentAt + ms >= from).map(({ ms }) => ms);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#client.close();
  }
}

/** The times of one fault, and of the healthy period before it. */
interface Incident {
  readonly fault: Fault;
  readonly at: number;
  readonly healthy: readonly [from: number, to: number];
  readonly endedAt: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function untilHealthy(product: Product): Promise<void> {
  await product.deploymentState(DEPLOYMENT, 'ready');
  await product.eventually('all devices ready', async () =>
    (await product.devices()).every(({ state }) => state === 'ready'),
  );
}

async function seatedDevices(product: Product): Promise<DeviceView[]> {
  const devices = await product.devices();
  return devices.filter(({ seats }) => seats.some(({ deployment }) => deployment === DEPLOYMENT));
}

async function startFault(product: Product, device: DeviceView, fault: Fault): Promise<number> {
  if (fault === 'partition') {
    await product.api(`/api/devices/${device.id}/faults`, { method: 'POST', json: { kind: fault } });
    return performance.now();
  }
  const at = performance.now();
  process.kill(device.processId!, fault === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  return at;
}

async function endFault(product: Product, device: DeviceView, fault: Fault): Promise<void> {
  if (fault === 'pause') process.kill(device.processId!, 'SIGCONT');
  else if (fault === 'kill') await product.api(`/api/devices/${device.id}/revive`, { method: 'POST' });
  else await product.api(`/api/devices/${device.id}/faults`, { method: 'POST', json: { kind: 'heal' } });
}

async function measure(product: Product, log: (line: string) => void) {
  const loop = new ClosedLoop(product, await lenet5Cases());
  const incidents: Incident[] = [];
  await pause(WARM_UP_MS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const fault of ['kill', 'partition', 'pause'] as const) {
      // SIGKILL hits every seat; the silent faults hit different seats in each round.
      const seated = await seatedDevices(product);
      const victims =
        fault === 'kill'
          ? seated
          : Array.from(
              { length: SILENT_PER_ROUND },
              (_, at) => seated[(round * SILENT_PER_ROUND + at) % seated.length]!,
            );
      for (const device of victims) {
        await untilHealthy(product);
        // Lets new device processes finish their start.
        await pause(1_000);
        const from = performance.now();
        await pause(HEALTHY_MS);
        const to = performance.now();
        const at = await startFault(product, device, fault);
        await pause(DEAD_MS);
        const endedAt = performance.now();
        await endFault(product, device, fault);
        incidents.push({ fault, at, healthy: [from, to], endedAt });
      }
    }
    log(`  round ${round + 1} of ${ROUNDS}: ${loop.samples.length} requests`);
  }
  await loop.stop();
  return { loop, incidents };
}

/** Compares the latencies around one kind of fault with the healthy periods before each fault. */
function compare(loop: ClosedLoop, incidents: readonly Incident[], fault: Fault) {
  const of = incidents.filter((incident) => incident.fault === fault);
  const healthy = of.flatMap(({ healthy: [from, to] }) => loop.between(from, to));
  const around = of.flatMap(({ at }) => loop.between(at - AROUND_MS, at + AROUND_MS));
  const dead = of.flatMap(({ at, endedAt }) => loop.between(at + AROUND_MS, endedAt));
  const rounded = (value: number) => Number(value.toPrecision(4));
  return {
    fault,
    times: of.length,
    healthyMsP50: rounded(median(healthy)),
    healthyMsP99: rounded(percentile(healthy, 99)),
    aroundMsP99: rounded(percentile(around, 99)),
    aroundMsMax: rounded(Math.max(...around)),
    p99AroundRatio: rounded(percentile(around, 99) / percentile(healthy, 99)),
    medianDeadRatio: rounded(median(dead) / median(healthy)),
  };
}

/** Describes a time relative to the last fault. */
function sinceFault(incidents: readonly Incident[], moment: number): string {
  const before = incidents.findLast(({ at }) => at <= moment + AROUND_MS);
  if (before === undefined) return 'before the first fault';
  const { fault, at, endedAt } = before;
  const after = moment < endedAt ? moment - at : moment - endedAt;
  return `${Math.round(after)} ms after the ${moment < endedAt ? 'start' : 'end'} of a ${fault}`;
}

/** Measures the effect of a device's failure on requests in flight, on the product as `npm start` runs it. */
export const failover: Benchmark = {
  name: 'failover',
  summary: 'p99 in the second around a SIGKILL, partition or pause ÷ healthy p99, 8 in flight',
  async run({ log }) {
    const product = await Product.start({ args: ['--fleet', String(FLEET)] });
    try {
      const { loop, incidents } = await measure(product, log);
      const cases = (['kill', 'partition', 'pause'] as const).map((f) => compare(loop, incidents, f));
      const { counts } = await product.latency(DEPLOYMENT);
      const { failed, wrong } = loop;
      const lost = loop.lost + counts.lost;
      const [kill] = cases;
      const value = kill!.p99AroundRatio;
      return {
        name: 'failover',
        value,
        unit: 'p99 around a SIGKILL ÷ healthy p99',
        goal: `≤ ${LATENCY_GOAL}; median with one dead ÷ healthy ≤ ${DEAD_GOAL}; 0 failed, lost, wrong`,
        met:
          cases.every((c) => c.p99AroundRatio <= LATENCY_GOAL && c.medianDeadRatio <= DEAD_GOAL) &&
          failed + lost + wrong === 0,
        details: {
          cases,
          requests: loop.samples.length + failed + lost,
          failed,
          lost,
          wrong,
          recovered: loop.recovered,
          rescued: loop.rescuedAt.length,
          rescues: loop.rescuedAt.map((at) => sinceFault(incidents, at)),
          inFlight: IN_FLIGHT,
          fleet: FLEET,
          rounds: ROUNDS,
        },
      };
    } finally {
      await product.stop();
      product.removeHome();
    }
  },
};
