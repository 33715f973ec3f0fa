import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Product, repositoryRoot } from '@sparewheel/e2e/product';
import type { Benchmark } from '../benchmark.ts';
import { ANSWER_TOLERANCE } from '../lenet5-reference.ts';
import { untilMeasured } from '../measured-fleet.ts';
import { bestRows, type SpeedUpMeasurement, type SpeedUpRow, speedUpRow } from './figures.ts';
import { measurePlain, type PlainMeasurement } from './plain-runtime.ts';
import { K, type PlanChoice, R, SpeedDeployment } from './speed-deployment.ts';
import { type Repetitions, repeat, selectedNetworks, withNetworkFile } from './speed-network.ts';
import { type ThrottledHost, ThrottledHosts } from './throttled-hosts.ts';

/** Six hosts of 0.3 leave a tenth of two cores to the client. */
const CORES_PER_HOST = 0.3;
const DEVICES = K + R;
const REPETITIONS: Repetitions = { warmups: 60, requests: 40, budgetMs: 20_000 };
const IN_FLIGHT = 4;
const THROUGHPUT_MS = 10_000;
const STOP_TIMEOUT_MS = 10_000;

const DEFAULT_CHOICE: PlanChoice = { layers: 'all', splits: 'auto', objective: 'latency' };
/** The planner's choice, and other plans that could be better. ResNet-18 has wide inputs and few weights. */
const CHOICES: Readonly<Record<string, readonly PlanChoice[]>> = {
  alexnet: [DEFAULT_CHOICE, { ...DEFAULT_CHOICE, splits: 'tiles' }],
  decoder: [DEFAULT_CHOICE, { ...DEFAULT_CHOICE, splits: 'slices' }],
  vgg16: [DEFAULT_CHOICE, { ...DEFAULT_CHOICE, splits: 'tiles' }],
  'resnet-18': [
    DEFAULT_CHOICE,
    { ...DEFAULT_CHOICE, splits: 'tiles' },
    { ...DEFAULT_CHOICE, splits: 'weights' },
    { ...DEFAULT_CHOICE, splits: 'inputs' },
    { ...DEFAULT_CHOICE, objective: 'devices-only' },
  ],
};

/** The product on one throttled host, and an agent on each of the others. */
class ThrottledFleet {
  private constructor(
    readonly product: Product,
    readonly agents: readonly ChildProcess[],
    readonly home: string,
  ) {}

  static async start([dataPlane, ...devices]: readonly ThrottledHost[]): Promise<ThrottledFleet> {
    const product = await Product.start({ args: ['--no-demo', '--no-fleet'], withoutDemo: true });
    const home = mkdtempSync(join(tmpdir(), 'sparewheel-throttled-'));
    const agent = join(repositoryRoot, 'apps', 'agent', 'dist', 'agent.js');
    const agents: ChildProcess[] = [];
    const fleet = new ThrottledFleet(product, agents, home);
    try {
      dataPlane!.admit((await product.api<{ processId: number }>('/api/health')).body.processId);
      for (const [index, host] of devices.entries()) {
        const name = `host-${index + 1}`;
        const args = [agent, '--url', product.dataUrl, '--name', name, '--home', join(home, name)];
        const environment = { ...process.env, SPAREWHEEL_JOIN_TOKEN: product.tokens.join };
        agents.push(host.spawn(process.execPath, args, { stdio: 'ignore', env: environment }));
      }
      await untilMeasured(product, devices.length);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.agents.map(stopped));
    await this.product.stop();
    this.product.removeHome();
    rmSync(this.home, { recursive: true, force: true });
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

/** Returns answers per second with IN_FLIGHT requests in flight. */
async function throughput(deployment: SpeedDeployment): Promise<number> {
  const start = performance.now();
  let answered = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - start < THROUGHPUT_MS) {
      await deployment.infer();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  return (1000 * answered) / (performance.now() - start);
}

type FleetMeasurement = Omit<SpeedUpMeasurement, 'oneHostTimes'>;

async function measureChoice(
  product: Product,
  network: string,
  choice: PlanChoice,
  plain: PlainMeasurement,
): Promise<FleetMeasurement> {
  const deployment = await SpeedDeployment.create(product, network, choice, plain);
  try {
    const { warmups, requests, budgetMs } = REPETITIONS;
    await repeat(warmups, budgetMs, () => deployment.infer());
    const fleetTimes = await repeat(requests, budgetMs, () => deployment.infer());
    return {
      network,
      choice,
      hops: deployment.hops,
      fleetTimes,
      requestsPerSecond: await throughput(deployment),
      outputDifference: await deployment.outputDifference(),
    };
  } finally {
    await deployment.remove();
  }
}

/** Measures one network: plain ONNX Runtime on one host, the fleet with each plan, plain ONNX Runtime again. */
async function measureNetwork(
  network: string,
  file: string,
  hosts: readonly ThrottledHost[],
): Promise<SpeedUpRow[]> {
  const onOneHost = () =>
    measurePlain(file, REPETITIONS, (command, args, options) => hosts[0]!.spawn(command, args, options));
  const first = await onOneHost();
  const measurements: FleetMeasurement[] = [];
  const fleet = await ThrottledFleet.start(hosts);
  try {
    await SpeedDeployment.upload(fleet.product, network, file);
    for (const choice of CHOICES[network] ?? [DEFAULT_CHOICE])
      measurements.push(await measureChoice(fleet.product, network, choice, first));
  } finally {
    await fleet.stop();
  }
  const last = await onOneHost();
  return measurements.map((measurement) =>
    speedUpRow({ ...measurement, oneHostTimes: [first.times, last.times] }),
  );
}

function describeRow(row: SpeedUpRow): string {
  const { network, layers, splits, objective, hops } = row;
  return (
    `${network} (layers ${layers}, splits ${splits}, ${objective}, ${hops} hops): ` +
    `one host p50 ${row.oneHostP50Ms} ms, fleet p50 ${row.fleetP50Ms} ms, ratio ${row.ratio}; ` +
    `${IN_FLIGHT} in flight ${row.fourInFlightRatio}; difference ${row.outputDifference}`
  );
}

export const speedUp: Benchmark = {
  name: 'speed-up',
  summary: 'speed of six slow hosts, 4 + 1 devices and the data plane, ÷ plain ONNX Runtime on one of them',
  async run({ log }) {
    const networks = selectedNetworks(log);
    const throttled = new ThrottledHosts(1 + DEVICES, CORES_PER_HOST);
    try {
      const rows: SpeedUpRow[] = [];
      const failures: { network: string; reason: string }[] = [];
      for (const network of networks) {
        try {
          const found = await withNetworkFile(network, (file) =>
            measureNetwork(network, file, throttled.hosts),
          );
          for (const row of found) log(describeRow(row));
          rows.push(...found);
        } catch (error) {
          // The figures of the other networks took minutes and are still valid.
          const { message, cause } = error as Error;
          failures.push({ network, reason: cause ? `${message}: ${cause}` : message });
          log(`${network} failed: ${failures.at(-1)!.reason}`);
        }
      }
      if (rows.length === 0) throw new Error('no network could be measured');
      const wrong = rows.find(({ outputDifference }) => !(outputDifference <= ANSWER_TOLERANCE));
      if (wrong) throw new Error(`a wrong answer: ${describeRow(wrong)}`);
      const best = bestRows(rows);
      const value = Math.min(...best.map(({ ratio }) => ratio));
      return {
        name: 'speed-up',
        value,
        unit: '× one host: the best plan of the slowest network',
        goal: '> 1 for every network',
        met: value > 1 && failures.length === 0,
        details: {
          coresPerHost: CORES_PER_HOST,
          hosts: { dataPlane: 1, devices: DEVICES },
          repetitions: REPETITIONS,
          k: K,
          r: R,
          best: best.map(({ network, splits, objective, ratio }) => ({ network, splits, objective, ratio })),
          failures,
          rows,
        },
      };
    } finally {
      throttled.close();
    }
  },
};
