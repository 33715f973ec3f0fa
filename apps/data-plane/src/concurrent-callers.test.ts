/** Many callers at once with distinct inputs, on devices that answer in another order. */
import type { FromDevice } from '@sparewheel/protocol';
import { seededRandom } from '@sparewheel/zoo/random';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestGrpcClient } from './testing/grpc-client.ts';
import { type LinearModel, linearModel } from './testing/linear-model.ts';
import { ScriptedDevice } from './testing/scripted-device.ts';
import { TEST_TOKENS, TestPlane } from './testing/test-plane.ts';
import { send } from './testing/v2-client.ts';

const CALLERS = 64;
const CALLS = 4;
const SEED = 7;

let plane: TestPlane;
let devices: ScriptedDevice[];
let model: LinearModel;
let grpc: TestGrpcClient;
/** Answers that devices will send, in an order that the seed draws. */
let held: (() => void)[] = [];

beforeAll(async () => {
  const { uniform } = seededRandom(SEED);
  plane = await TestPlane.start({ grpcPort: 0 });
  const misbehavior = (correct: FromDevice, device: ScriptedDevice): null => {
    if (held.length === 0) setTimeout(release);
    held.push(() => device.tensors.emit('tensors', correct));
    return null;
  };
  const release = (): void => {
    const answers = held;
    held = [];
    while (answers.length > 0) answers.splice(Math.floor(uniform() * answers.length), 1)[0]!();
  };
  devices = Array.from({ length: 4 }, () => new ScriptedDevice(plane, { misbehavior }));
  await plane.until(() => devices.every(({ name }) => plane.device(name)?.state === 'ready'));
  model = await linearModel(plane.blobs, { k: 3, r: 1 });
  await plane.plane.call({ kind: 'deploy', deployment: model.deployment });
  await plane.until(() => plane.deployment('linear')?.state === 'ready');
  grpc = new TestGrpcClient(plane.plane.grpcPort!, TEST_TOKENS.inferToken);
});
afterAll(async () => {
  grpc.close();
  for (const device of devices) device.close();
  await plane.stop();
});

const inputOf = (caller: number, call: number) =>
  Float32Array.from({ length: model.inner }, (_, at) => Math.sin(1 + caller * 31 + call * 7 + at));

async function overHttp(caller: number, call: number): Promise<ArrayLike<number>> {
  const id = `${caller}-${call}`;
  const input = { name: 'x', shape: [1, model.inner], datatype: 'FP32', data: [...inputOf(caller, call)] };
  const answer = await send(plane.plane.port, 'POST', '/v2/models/linear/infer', {
    token: TEST_TOKENS.inferToken,
    body: JSON.stringify({ id, inputs: [input] }),
  });
  expect(answer.status, answer.body.toString()).toBe(200);
  expect(answer.json().id).toBe(id);
  return answer.json().outputs[0].data;
}

/** All calls share one connection. */
async function overGrpc(caller: number, call: number): Promise<ArrayLike<number>> {
  const id = `${caller}-${call}`;
  const answer = await grpc.call('ModelInfer', {
    model_name: 'linear',
    id,
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, model.inner] }],
    raw_input_contents: [Buffer.from(inputOf(caller, call).buffer)],
  });
  expect(answer.id).toBe(id);
  return new Float32Array(Uint8Array.from(answer.raw_output_contents[0]).buffer);
}

/** Returns how far an answer is from the output of an input. */
function distance(answer: ArrayLike<number>, caller: number, call: number): number {
  const expected = model.expected(inputOf(caller, call));
  return Math.max(...Array.from(expected, (value, at) => Math.abs(value - answer[at]!)));
}

it.each([
  ['HTTP', overHttp],
  ['gRPC', overGrpc],
] as const)(`${CALLERS} callers over %s get their own answers (seed ${SEED})`, async (_protocol, infer) => {
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let call = 0; call < CALLS; call++) {
        const answer = await infer(caller, call);
        expect(distance(answer, caller, call)).toBeLessThan(1e-5);
        // Another caller's answer would be noticed.
        expect(distance(answer, (caller + 1) % CALLERS, call)).toBeGreaterThan(1e-3);
      }
    }),
  );
});
