import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Product } from '@sparewheel/e2e/product';
import type { DeviceView } from '@sparewheel/protocol';
import { type Benchmark, UnsupportedMachineError } from '../benchmark.ts';
import { ANSWER_TOLERANCE } from '../lenet5-reference.ts';
import { untilMeasured } from '../measured-fleet.ts';
import { type CpuRow, cpuRow, type ProcessCost } from './figures.ts';
import { measurePlain, type PlainMeasurement } from './plain-runtime.ts';
import { countingCollections, elapsed, fullCollections, threadTimes } from './processor-time.ts';
import { K, type PlanChoice, R, SpeedDeployment } from './speed-deployment.ts';
import { type Repetitions, repeat, selectedNetworks, withNetworkFile } from './speed-network.ts';

const DEVICES = K + R;
const PLAIN: Repetitions = { warmups: 5, requests: 30, budgetMs: 20_000 };
const FLEET: Repetitions = { warmups: 60, requests: 200, budgetMs: 30_000 };
/** The traces that the data plane keeps. */
const TRACES = 64;
const CHOICE: PlanChoice = { layers: 'all', splits: 'auto', objective: 'latency' };
/** A decoder has runs of layers that can be computed in slices. */
const CHOICES: Readonly<Record<string, readonly PlanChoice[]>> = {
  decoder: [CHOICE, { ...CHOICE, splits: 'slices' }],
};

interface Trace {
  readonly steps: readonly {
    readonly step: string;
    readonly shards: readonly { readonly computeMs?: number }[];
  }[];
}

/** Starts to count a process. @returns a function that returns its cost since then */
function startCounting(processId: number, folder: string): () => ProcessCost {
  const [times, collections] = [threadTimes(processId), fullCollections(folder, processId)];
  return () => ({
    cpuMs: elapsed(times, threadTimes(processId)),
    fullCollections: fullCollections(folder, processId) - collections,
  });
}

function processIdOf({ processId, name }: DeviceView): number {
  if (processId === null) throw new Error(`${name} has no process`);
  return processId;
}

/** Returns the engine times of the last requests, by step. */
async function engineTimes(product: Product, deployment: string): Promise<number[][]> {
  const { body } = await product.api<readonly Trace[]>(
    `/api/deployments/${deployment}/traces?limit=${TRACES}`,
  );
  const byStep = new Map<string, number[]>();
  for (const { step, shards } of body.flatMap(({ steps }) => steps)) {
    const times = shards.flatMap(({ computeMs }) => computeMs ?? []);
    byStep.set(step, [...(byStep.get(step) ?? []), ...times]);
  }
  return [...byStep.values()].filter((times) => times.length > 0);
}

async function measureDeployment(
  product: Product,
  deployment: SpeedDeployment,
  plain: PlainMeasurement,
  collections: string,
  { splits }: PlanChoice,
): Promise<CpuRow> {
  await repeat(FLEET.warmups, FLEET.budgetMs, () => deployment.infer());
  const { processId } = (await product.api<{ processId: number }>('/api/health')).body;
  const devices = (await product.devices()).map((device) => startCounting(processIdOf(device), collections));
  const dataPlane = startCounting(processId, collections);
  const times = await repeat(FLEET.requests, FLEET.budgetMs, () => deployment.infer());
  const costs = { dataPlane: dataPlane(), devices: devices.map((cost) => cost()) };
  const difference = await deployment.outputDifference();
  if (!(difference <= ANSWER_TOLERANCE))
    throw new Error(`${deployment.name} answers differ by ${difference} from plain ONNX Runtime`);
  return cpuRow({
    network: deployment.name,
    splits,
    hops: deployment.hops,
    requests: times.length,
    plainCpuMs: plain.cpuMs,
    engineTimes: await engineTimes(product, deployment.name),
    ...costs,
  });
}

async function measureNetwork(network: string, file: string): Promise<CpuRow[]> {
  const plain = await measurePlain(file, PLAIN);
  const collections = mkdtempSync(join(tmpdir(), 'sparewheel-collections-'));
  try {
    const product = await Product.start({
      args: ['--no-demo', '--fleet', String(DEVICES)],
      withoutDemo: true,
      environment: countingCollections(collections),
    });
    try {
      await untilMeasured(product, DEVICES);
      await SpeedDeployment.upload(product, network, file);
      const rows: CpuRow[] = [];
      for (const choice of CHOICES[network] ?? [CHOICE]) {
        const deployment = await SpeedDeployment.create(product, network, choice, plain);
        try {
          rows.push(await measureDeployment(product, deployment, plain, collections, choice));
        } finally {
          await deployment.remove();
        }
      }
      return rows;
    } finally {
      await product.stop();
      product.removeHome();
    }
  } finally {
    rmSync(collections, { recursive: true, force: true });
  }
}

export const cpu: Benchmark = {
  name: 'cpu',
  summary: 'processor time of a request over 4 + 1 devices ÷ plain ONNX Runtime; full garbage collections',
  async run({ log }) {
    if (process.platform !== 'linux')
      throw new UnsupportedMachineError(
        'This benchmark reads the processor time of threads from /proc: use Linux.',
      );
    const rows: CpuRow[] = [];
    for (const network of selectedNetworks(log)) {
      for (const row of await withNetworkFile(network, (file) => measureNetwork(network, file))) {
        log(
          `${network} (splits ${row.splits}, ${row.hops} hops): plain ${row.plainMs} ms; ` +
            `${DEVICES} devices ${row.devicesMs} ms, data plane ${row.dataPlaneMs} ms; ` +
            `total ÷ plain ${row.totalOverPlain}`,
        );
        rows.push(row);
      }
    }
    const value = Math.max(...rows.map(({ totalOverPlain }) => totalOverPlain));
    return {
      name: 'cpu',
      value,
      unit: '× the processor time of plain ONNX Runtime, the worst network',
      goal: `< ${1 + DEVICES}, or ${1 + DEVICES} hosts answer fewer requests than one`,
      met: value < 1 + DEVICES,
      details: { plan: { k: K, r: R, ...CHOICE }, requests: FLEET.requests, rows },
    };
  },
};
