import { Product } from '@sparewheel/e2e/product';
import type { Benchmark } from './benchmark.ts';
import { type GraphCase, publicCases, zooCase } from './graph-cases.ts';
import { ANSWER_TOLERANCE, relativeError } from './lenet5-reference.ts';

const DEVICES = 8;
const CODES = [
  { k: 4, r: 1 },
  { k: 6, r: 2 },
] as const;
const ZOO = ['lenet5', 'branchnet', 'alexnet'];
/**
 * Names of networks to test instead of the default ones. The large ones need minutes and gigabytes of disk.
 */
const NAMED = process.env.SPAREWHEEL_GRAPHS?.split(',').filter(Boolean);

/**
 * A long deadline, because the benchmark checks answers, not latency, and C3D transfers 200 MB per request.
 */
const POLICY = { deadlineMs: 60_000 };

/** The result of one network with one code. */
interface Row {
  readonly network: string;
  readonly code: string;
  readonly distributedLayers: number;
  healthyError: number;
  /** Largest error while a device is dead. */
  killedError: number;
  recovered: number;
  rescued: number;
  failures: string[];
}

interface Deployed {
  readonly deployment: string;
  readonly graph: GraphCase;
  readonly row: Row;
}

async function selectCases(): Promise<GraphCase[]> {
  const graphs = publicCases().filter(({ name }) => NAMED?.includes(name) ?? true);
  const zoo = (NAMED ?? ZOO).filter((name) => !graphs.some((graph) => graph.name === name));
  const cases = [...graphs];
  // One after the other, because each network is entirely in memory while its outputs are computed.
  for (const name of zoo) cases.push(await zooCase(name));
  return cases;
}

async function upload(product: Product, graph: GraphCase): Promise<void> {
  const { status, body } =
    graph.file === null
      ? await product.api(`/api/zoo/${graph.name}`, { method: 'POST' })
      : await product.api(`/api/models?name=${graph.name}`, {
          method: 'POST',
          body: graph.file,
          headers: { 'content-type': 'application/octet-stream' },
        });
  if (status !== 201) throw new Error(`upload of ${graph.name} failed: ${JSON.stringify(body)}`);
}

async function deploy(
  product: Product,
  graph: GraphCase,
  { k, r }: (typeof CODES)[number],
): Promise<Deployed> {
  const deployment = `${graph.name}-${k}-${r}`.replaceAll('_', '-');
  const json = {
    name: deployment,
    model: graph.name,
    k,
    r,
    strategy: 'coded',
    layers: 'all',
    policy: POLICY,
  };
  const { status, body } = await product.api<{ plan: { steps: { kind: string }[] } }>('/api/deployments', {
    method: 'POST',
    json,
  });
  if (status !== 202) throw new Error(`deployment of ${deployment} failed: ${JSON.stringify(body)}`);
  const row: Row = {
    network: graph.name,
    code: `${k} + ${r}`,
    distributedLayers: body.plan.steps.filter(({ kind }) => kind === 'coded').length,
    healthyError: 0,
    killedError: 0,
    recovered: 0,
    rescued: 0,
    failures: [],
  };
  await product.deploymentState(deployment, 'ready', 300_000);
  return { deployment, graph, row };
}

interface Answer {
  readonly error?: unknown;
  readonly parameters?: { readonly recovered: number; readonly rescued: number };
  readonly outputs?: readonly { readonly name: string; readonly data: readonly number[] }[];
}

/** Sends one request. @returns the largest error of any output, relative to that output's largest value */
async function infer(product: Product, { deployment, graph, row }: Deployed, when: string): Promise<number> {
  const header = Buffer.from(
    JSON.stringify({
      inputs: graph.inputs.map(({ name, dims, datatype, bytes }) => ({
        name,
        shape: dims,
        datatype,
        parameters: { binary_data_size: bytes.byteLength },
      })),
    }),
  );
  const response = await fetch(`${product.dataUrl}/v2/models/${deployment}/infer`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${product.tokens.infer}`,
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    },
    body: Buffer.concat([header, ...graph.inputs.map(({ bytes }) => bytes)]),
  });
  const answer = (await response.json()) as Answer;
  if (!answer.outputs) {
    row.failures.push(`${when}: ${JSON.stringify(answer.error)}`);
    return Number.POSITIVE_INFINITY;
  }
  row.recovered += answer.parameters?.recovered ?? 0;
  row.rescued += answer.parameters?.rescued ?? 0;
  const errors = Object.entries(graph.outputs).map(([name, expected]) => {
    const found = answer.outputs!.find((output) => output.name === name);
    return found ? relativeError(Float32Array.from(found.data), expected) : Number.POSITIVE_INFINITY;
  });
  const worst = Math.max(...errors);
  if (!(worst <= ANSWER_TOLERANCE)) row.failures.push(`${when}: error ${worst}`);
  return worst;
}

/** Waits until every device is ready and every deployment has all its seats. */
async function untilHealthy(product: Product, deployments: readonly Deployed[]): Promise<void> {
  await product.eventually('every device ready', async () => {
    const devices = await product.devices();
    return devices.filter(({ state }) => state === 'ready').length === DEVICES;
  });
  for (const { deployment } of deployments) await product.deploymentState(deployment, 'ready', 300_000);
}

export const graphs: Benchmark = {
  name: 'graphs',
  summary:
    'largest error of every public graph and the zoo, coded 4 + 1 and 6 + 2, healthy and with each device killed',
  async run({ log }) {
    const cases = await selectCases();
    const product = await Product.start({
      args: ['--no-demo', '--fleet', String(DEVICES)],
      withoutDemo: true,
    });
    try {
      await untilHealthy(product, []);
      const deployments: Deployed[] = [];
      for (const graph of cases) {
        await upload(product, graph);
        for (const code of CODES) {
          const deployed = await deploy(product, graph, code);
          deployed.row.healthyError = await infer(product, deployed, 'healthy');
          deployments.push(deployed);
          log(`${deployed.deployment}: error ${deployed.row.healthyError.toExponential(1)}`);
        }
      }
      for (const { id, name } of await product.devices()) {
        await product.api(`/api/devices/${id}/faults`, { method: 'POST', json: { kind: 'kill' } });
        for (const deployed of deployments) {
          const error = await infer(product, deployed, `without ${name}`);
          deployed.row.killedError = Math.max(deployed.row.killedError, error);
        }
        log(`tested without ${name}`);
        await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
        await untilHealthy(product, deployments);
      }
      const rows = deployments.map(({ row }) => row);
      const value = Math.max(...rows.flatMap(({ healthyError, killedError }) => [healthyError, killedError]));
      return {
        name: 'graphs',
        value,
        unit: '× the output’s largest value: largest error',
        goal: `≤ ${ANSWER_TOLERANCE} for every network, healthy and with each device killed`,
        met: rows.every(({ failures }) => failures.length === 0) && rows.length > 0,
        details: {
          devices: DEVICES,
          requests: rows.length * (1 + DEVICES),
          failures: rows.flatMap(({ network, code, failures }) =>
            failures.map((failure) => `${network} ${code} ${failure}`),
          ),
          cases: rows.map(({ failures, ...row }) => ({ ...row, failed: failures.length })),
        },
      };
    } finally {
      await product.stop();
      product.removeHome();
    }
  },
};
