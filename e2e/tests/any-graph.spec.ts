/**
 * Public graphs, uploaded, planned and served coded: correct outputs, also with each device dead. Tests three
 * different graphs; `npm run bench -- graphs` tests all of them and the zoo.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { ModelView, ZooModelView } from '@sparewheel/protocol';
import { relativeError } from '../src/inference.ts';
import { type Product, repositoryRoot } from '../src/product.ts';
import { TOLERANCE } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

const GRAPHS = join(repositoryRoot, '..', 'shared', 'data', 'onnx');
/** Graphs; the last one has a free batch. */
const CASES = ['unet', 'text_encoder', 'two_inputs_two_outputs'];
const CODES = [
  { k: 4, r: 1 },
  { k: 6, r: 2 },
];
const DEVICES = 8;

interface TensorFile {
  readonly file: string;
  readonly dtype: 'float32' | 'int64';
  readonly shape: readonly number[];
}
interface Case {
  readonly inputs: Readonly<Record<string, TensorFile>>;
  readonly outputs: Readonly<Record<string, TensorFile>>;
}
interface ExplainedPlan {
  readonly coverage: number;
  readonly explanation: {
    readonly predictedMs: number;
    readonly measured: boolean;
    readonly seats: readonly { readonly weightsBytes: number; readonly computeMs: number }[];
  };
}

let product: Product;
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--no-demo', '--fleet', String(DEVICES)], withoutDemo: true },
);
test.beforeAll(async () => {
  await product.eventually('every device is ready and measured', async () => {
    const devices = await product.devices();
    return devices.filter(({ state, profile }) => state === 'ready' && profile?.hopMs).length === DEVICES;
  });
});

const upload = (name: string) =>
  product.api<ModelView>(`/api/models?name=${name}`, {
    method: 'POST',
    body: readFileSync(join(GRAPHS, `${name}.onnx`)),
    headers: { 'content-type': 'application/octet-stream' },
  });

const readCase = (name: string) => JSON.parse(readFileSync(join(GRAPHS, `${name}.json`), 'utf8')) as Case;

function values({ file, dtype }: TensorFile): number[] {
  const { buffer } = Uint8Array.from(readFileSync(join(GRAPHS, file)));
  return dtype === 'int64' ? Array.from(new BigInt64Array(buffer), Number) : [...new Float32Array(buffer)];
}

/** Sends a graph's inputs to a deployment and compares every output with the expected one. */
async function check(deployment: string, name: string): Promise<{ recovered: number; rescued: number }> {
  const { inputs, outputs } = readCase(name);
  const response = await fetch(`${product.dataUrl}/v2/models/${deployment}/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.tokens.infer}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      inputs: Object.entries(inputs).map(([input, file]) => ({
        name: input,
        shape: file.shape,
        datatype: file.dtype === 'int64' ? 'INT64' : 'FP32',
        data: values(file),
      })),
    }),
  });
  const answer = (await response.json()) as {
    outputs: { name: string; data: number[] }[];
    parameters: { recovered: number; rescued: number };
  };
  expect(response.status, JSON.stringify(answer)).toBe(200);
  for (const [output, file] of Object.entries(outputs)) {
    const { data } = answer.outputs.find((found) => found.name === output)!;
    const error = relativeError(Float32Array.from(data), Float32Array.from(values(file)));
    expect(error, `${deployment}, ${output}`).toBeLessThan(TOLERANCE);
  }
  return answer.parameters;
}

test('graphs with branches, attention and several inputs give correct outputs, also with each device dead', async () => {
  test.skip(!existsSync(GRAPHS), `no public graphs in ${GRAPHS}`);
  // Six deployments recover from eight kills: 20 s, or minutes on a busy machine.
  test.setTimeout(300_000);
  const deployments: { readonly deployment: string; readonly graph: string }[] = [];
  for (const graph of CASES) {
    expect((await upload(graph)).status, graph).toBe(201);
    for (const { k, r } of CODES) {
      const request = { model: graph, k, r, layers: 'all' };
      const { status, body } = await product.api<ExplainedPlan>('/api/plans', {
        method: 'POST',
        json: request,
      });
      expect(status).toBe(200);
      expect(body.coverage).toBe(1);
      expect(body.explanation.measured).toBe(true);
      expect(body.explanation.predictedMs).toBeGreaterThan(0);
      expect(body.explanation.seats.every(({ weightsBytes }) => weightsBytes > 0)).toBe(true);
      const deployment = `${graph}-${k}-${r}`;
      await product.api('/api/deployments', { method: 'POST', json: { name: deployment, ...request } });
      deployments.push({ deployment, graph });
    }
  }
  const allReady = async () => {
    for (const { deployment } of deployments) await product.deploymentState(deployment, 'ready');
  };
  await allReady();
  for (const { deployment, graph } of deployments) expect((await check(deployment, graph)).rescued).toBe(0);
  for (const { id, name } of await product.devices()) {
    await product.fault(id, { kind: 'kill' });
    for (const { deployment, graph } of deployments) {
      expect((await check(deployment, graph)).rescued, `${deployment} without ${name}`).toBe(0);
    }
    await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
    await product.eventually(`${name} is ready again`, async () =>
      (await product.devices()).every(({ state }) => state === 'ready'),
    );
    await allReady();
  }
});

test('the zoo lists its networks, and each can be added as a model', async () => {
  const zoo = (await product.api<ZooModelView[]>('/api/zoo')).body;
  expect(zoo.map(({ name }) => name)).toEqual(expect.arrayContaining(['lenet5', 'alexnet', 'vgg16']));
  const { status, body } = await product.api<ModelView>('/api/zoo/branchnet', { method: 'POST' });
  expect(status).toBe(201);
  expect(body.parameters).toBe(zoo.find(({ name }) => name === 'branchnet')!.parameters);
  expect((await product.api('/api/zoo/branchnet', { method: 'POST' })).status).toBe(200);
});
