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
/** Names of networks to bring in their place: the zoo's large ones take gigabytes of disk, and minutes. */
const NAMED = process.env.SPAREWHEEL_GRAPHS?.split(',').filter(Boolean);

/** What is judged here is the answer, and C3D moves 200 MB for one. */
const POLICY = { deadlineMs: 60_000 };

/** What came of a network under one code. */
interface Row {
  readonly network: string;
  readonly code: string;
  readonly distributedLayers: number;
  healthyError: number;
  /** The largest of all kills. */
  killedError: number;
  recovered: number;
  rescued: number;
  failures: string[];
}

interface Served {
  readonly deployment: string;
  readonly graph: GraphCase;
  readonly row: Row;
}

async function casesToBring(): Promise<GraphCase[]> {
  const open = publicCases().filter(({ name }) => NAMED?.includes(name) ?? true);
  const zoo = (NAMED ?? ZOO).filter((name) => !open.some((graph) => graph.name === name));
  const cases = [...open];
  // One after the other: each is in memory as a whole while it is asked for its answer.
  for (const name of zoo) cases.push(await zooCase(name));
  return cases;
}

async function bring(product: Product, graph: GraphCase): Promise<void> {
  const { status, body } =
    graph.file === null
      ? await product.api(`/api/zoo/${graph.name}`, { method: 'POST' })
      : await product.api(`/api/models?name=${graph.name}${graph.query}`, {
          method: 'POST',
          body: graph.file,
          headers: { 'content-type': 'application/octet-stream' },
        });
  if (status !== 201) throw new Error(`${graph.name} is not taken: ${JSON.stringify(body)}`);
}

async function deploy(product: Product, graph: GraphCase, { k, r }: (typeof CODES)[number]): Promise<Served> {
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
  if (status !== 202) throw new Error(`${deployment} is not deployed: ${JSON.stringify(body)}`);
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

/** Asks once. @returns the largest error of any output, relative to that output's largest value */
async function ask(product: Product, { deployment, graph, row }: Served, when: string): Promise<number> {
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

/** Everything answers, everyone is there, and every seat is taken. */
async function settled(product: Product, served: readonly Served[]): Promise<void> {
  await product.eventually('the fleet whole again', async () => {
    const devices = await product.devices();
    return devices.filter(({ state }) => state === 'ready').length === DEVICES;
  });
  for (const { deployment } of served) await product.deploymentState(deployment, 'ready', 300_000);
}

export const graphs: Benchmark = {
  name: 'graphs',
  summary:
    'every public graph and the zoo, coded 4 + 1 and 6 + 2, with each device killed in turn: the largest error',
  async run({ log }) {
    const cases = await casesToBring();
    const product = await Product.start({
      args: ['--no-demo', '--fleet', String(DEVICES)],
      withoutDemo: true,
    });
    try {
      await settled(product, []);
      const served: Served[] = [];
      for (const graph of cases) {
        await bring(product, graph);
        for (const code of CODES) {
          const one = await deploy(product, graph, code);
          one.row.healthyError = await ask(product, one, 'healthy');
          served.push(one);
          log(`${one.deployment}: error ${one.row.healthyError.toExponential(1)}`);
        }
      }
      for (const { id, name } of await product.devices()) {
        await product.api(`/api/devices/${id}/faults`, { method: 'POST', json: { kind: 'kill' } });
        for (const one of served) {
          const error = await ask(product, one, `without ${name}`);
          one.row.killedError = Math.max(one.row.killedError, error);
        }
        log(`${name} was dead`);
        await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
        await settled(product, served);
      }
      const rows = served.map(({ row }) => row);
      const value = Math.max(...rows.flatMap(({ healthyError, killedError }) => [healthyError, killedError]));
      return {
        name: 'graphs',
        value,
        unit: 'of the output’s largest value, largest error',
        goal: `≤ ${ANSWER_TOLERANCE} for every network, healthy and without each device`,
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
