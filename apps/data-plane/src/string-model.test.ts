/** A model with string inputs and outputs, through the whole data plane, with ONNX Runtime. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveDeployment } from '@sparewheel/data-plane-client';
import { DATA_TYPE, joinChunks, writeModel } from '@sparewheel/onnx';
import { model, node, value } from '@sparewheel/onnx/testing';
import { encodeStrings } from '@sparewheel/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestGrpcClient } from './testing/grpc-client.ts';
import { TEST_TOKENS, TestPlane } from './testing/test-plane.ts';
import { send } from './testing/v2-client.ts';

const { string } = DATA_TYPE;
/** Returns the words and then their only name. */
const JOINED = model({
  inputs: [value('words', ['n'], string), value('name', [1], string)],
  nodes: [node('Concat', ['words', 'name'], ['all'], [{ name: 'axis', kind: 'int', value: 0n }])],
  outputs: [value('all', ['m'], string)],
});

let plane: TestPlane;
let grpc: TestGrpcClient;
beforeAll(async () => {
  plane = await TestPlane.start({ grpcPort: 0 });
  const bytes = joinChunks(writeModel(JOINED));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(plane.blobs, sha256), bytes);
  const deployment: LiveDeployment = {
    name: 'joined',
    policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 },
    seats: [],
    artifacts: { whole: [{ graph: { sha256, bytes: bytes.byteLength }, weights: null }] },
    plan: {
      version: 1,
      model: { name: 'joined', sha256: '0'.repeat(64) },
      strategy: 'coded',
      k: 3,
      r: 1,
      inputs: [
        { name: 'words', type: 'string', dims: [-1] },
        { name: 'name', type: 'string', dims: [1] },
      ],
      outputs: [{ name: 'all', type: 'string', dims: [-1] }],
      steps: [
        {
          kind: 'local',
          id: 'whole',
          summary: 'Concat',
          feeds: ['words', 'name'],
          fetches: ['all'],
          nodes: [0],
        },
      ],
      seats: [],
      decisions: [],
      coverage: 1,
    },
  };
  await plane.plane.call({ kind: 'deploy', deployment });
  await plane.until(() => plane.deployment('joined')?.state === 'ready');
  grpc = new TestGrpcClient(plane.plane.grpcPort!, TEST_TOKENS.inferToken);
});
afterAll(async () => {
  grpc.close();
  await plane.stop();
});

const infer = (body: string | Buffer, headers = {}) =>
  send(plane.plane.port, 'POST', '/v2/models/joined/infer', { token: TEST_TOKENS.inferToken, body, headers });
const words = (shape: number[], more: object) => ({ name: 'words', shape, datatype: 'BYTES', ...more });
const name = { name: 'name', shape: [1], datatype: 'BYTES', data: ['Zoë'] };

it('answers in JSON', async () => {
  const answer = await infer(JSON.stringify({ inputs: [words([2], { data: ['a', '😀'] }), name] }));
  expect([answer.status, answer.json().outputs]).toEqual([
    200,
    [{ name: 'all', datatype: 'BYTES', shape: [3], data: ['a', '😀', 'Zoë'] }],
  ]);
});

it('answers in binary', async () => {
  const bytes = encodeStrings(['long '.repeat(5000), '']);
  const inputs = [words([2], { parameters: { binary_data_size: bytes.byteLength } }), name];
  const header = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  const answer = await infer(Buffer.concat([header, bytes]), {
    'inference-header-content-length': header.byteLength,
  });
  const length = Number(answer.headers['inference-header-content-length']);
  expect(answer.body.subarray(length).equals(Buffer.concat([bytes, encodeStrings(['Zoë'])]))).toBe(true);
});

it('answers over gRPC', async () => {
  const tensor = (given: string[]) => ({
    datatype: 'BYTES',
    shape: [given.length],
    contents: { bytes_contents: given.map((text) => Buffer.from(text)) },
  });
  const { outputs, raw_output_contents: raw } = await grpc.call('ModelInfer', {
    model_name: 'joined',
    inputs: [
      { name: 'words', ...tensor(['x', 'y']) },
      { name: 'name', ...tensor(['z']) },
    ],
  });
  expect(outputs).toMatchObject([{ name: 'all', datatype: 'BYTES', shape: ['3'] }]);
  expect(raw[0].equals(Buffer.from(encodeStrings(['x', 'y', 'z'])))).toBe(true);
});
