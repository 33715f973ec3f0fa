/**
 * Random hostile devices against the real gateway over real sockets. Concurrent requests must not be
 * affected.
 */
import {
  decodeFrame,
  encodeFrame,
  type FromDevice,
  parseFromDevice,
  type ToDevice,
} from '@sparewheel/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LinearModel, linearModel } from '../../testing/linear-model.ts';
import { closed, ScriptedDevice, type ScriptedDeviceOptions } from '../../testing/scripted-device.ts';
import { TEST_TOKENS, TestPlane } from '../../testing/test-plane.ts';
import { send } from '../../testing/v2-client.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20261123);

let plane: TestPlane;
let model: LinearModel;
let load: CheckedRequests;
const devices: ScriptedDevice[] = [];

/** Two clients that send requests continuously and check every answer. */
class CheckedRequests {
  readonly problems: string[] = [];
  answered = 0;
  #stopped = false;
  #onAnswer: (() => void)[] = [];
  readonly #clients = [0, 1].map((client) => this.#run(client));

  async #run(client: number): Promise<void> {
    for (let at = client; !this.#stopped; at += 2) {
      const x = Float32Array.from({ length: model.inner }, (_, i) => Math.sin(at + i));
      const body = JSON.stringify({
        inputs: [{ name: 'x', shape: [1, model.inner], datatype: 'FP32', data: [...x] }],
      });
      const path = '/v2/models/linear/infer';
      const answer = await send(plane.plane.port, 'POST', path, { token: TEST_TOKENS.inferToken, body });
      const values: number[] = answer.status === 200 ? answer.json().outputs[0].data : [];
      const expected = model.expected(x);
      const right =
        values.length === expected.length && values.every((v, i) => Math.abs(v - expected[i]!) < 1e-5);
      for (const resolve of this.#onAnswer.splice(0)) resolve();
      if (right) this.answered++;
      else this.problems.push(`${answer.status} ${answer.body}`);
    }
  }

  /**
   * Resolves when a request that starts after this call ends. With two clients, this is at the latest the
   * third one.
   */
  async nextAnswer(): Promise<void> {
    for (let ended = 0; ended < 3; ended++)
      await new Promise<void>((resolve) => this.#onAnswer.push(resolve));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }
}

async function joined(options: ScriptedDeviceOptions = {}): Promise<ScriptedDevice> {
  const device = new ScriptedDevice(plane, options);
  devices.push(device);
  await plane.until(() => plane.device(device.name)?.state === 'ready');
  return device;
}

/** Connects many devices at once. Connecting one at a time would wait for a view each time. */
async function crowd(size: number): Promise<() => Promise<ScriptedDevice>> {
  const waiting = await Promise.all(Array.from({ length: size }, () => joined()));
  // Shrinking a counterexample needs more devices.
  return async () => waiting.pop() ?? joined();
}

/** Returns why a device was disconnected or quarantined, as shown to operators. undefined if it was not. */
function reasonAgainst({ id }: ScriptedDevice): string | undefined {
  for (const event of plane.events('device-refused')) {
    if (event.kind === 'device-refused' && event.device === id) return event.message;
  }
  for (const event of plane.events('device-quarantined')) {
    if (event.kind === 'device-quarantined' && event.device === id) return event.reason;
  }
  return undefined;
}

beforeAll(async () => {
  console.log(`fuzz seed ${SEED} (FUZZ_SEED sets another)`);
  plane = await TestPlane.start();
  model = await linearModel(plane.blobs);
  const seated = [await joined(), await joined(), await joined(), await joined()];
  const seats = seated.map(({ id }) => id);
  const policy = { ...model.deployment.policy, verify: 'before' as const };
  await plane.plane.call({ kind: 'deploy', deployment: { ...model.deployment, policy, seats } });
  await plane.until(() => plane.deployment('linear')?.state === 'ready');
  load = new CheckedRequests();
}, 30_000);

afterAll(async () => {
  await load.stop();
  for (const device of devices) device.close();
  await plane.stop();
  expect(load.problems).toEqual([]);
  expect(load.answered).toBeGreaterThan(0);
});

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const message: fc.Arbitrary<FromDevice | ToDevice> = fc.oneof(
  fc.record({
    kind: fc.constant('answer' as const),
    request: uint32,
    task: uint32,
    computeMicros: uint32,
    tensors: fc.array(
      fc.array(fc.float(), { maxLength: 40 }).map((values) => ({
        type: 'float32' as const,
        dims: [1, values.length],
        data: Float32Array.from(values),
      })),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    kind: fc.constant('refusal' as const),
    request: uint32,
    task: uint32,
    code: fc.string({ maxLength: 20 }),
    message: fc.string({ maxLength: 200 }),
  }),
  fc.record({ kind: fc.constant('cancel' as const), request: uint32, task: uint32 }),
);
type Damage = (frame: Uint8Array) => Uint8Array;
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.constant<Damage>((frame) => frame),
  fc.nat().map<Damage>((at) => (frame) => frame.slice(0, at % frame.length)),
  fc.uint8Array({ minLength: 1, maxLength: 64 }).map<Damage>((more) => (frame) => {
    const longer = new Uint8Array(frame.length + more.length);
    longer.set(frame);
    longer.set(more, frame.length);
    return longer;
  }),
  // Most of these change the header and the descriptors: kinds, counts, types, ranks, dimensions.
  fc
    .array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
    .map<Damage>((changes) => (frame) => {
      const changed = frame.slice();
      for (const [at, value] of changes) changed[at % changed.length] = value;
      return changed;
    }),
  fc.uint8Array({ maxLength: 200 }).map<Damage>((noise) => () => noise),
);

function isMessageOfADevice(bytes: Uint8Array): boolean {
  try {
    parseFromDevice(decodeFrame(bytes.slice()));
    return true;
  } catch {
    return false;
  }
}

describe('random frames', () => {
  it('disconnect the device with a reason if they are invalid, and are harmless otherwise', async () => {
    const numRuns = 40;
    const next = await crowd(numRuns);
    await fc.assert(
      fc.asyncProperty(message, damage, async (original, damaged) => {
        const bytes = damaged(encodeFrame(original));
        // A blob chunk belongs to the other connection and is invalid here.
        const harmless = isMessageOfADevice(bytes);
        const bad = await next();
        const gone = closed(bad.tensors);
        bad.sendRaw(bad.tensors, bytes);
        if (harmless) {
          // A few unsolicited answers are tolerated. The next message shows that the device is still
          // connected.
          bad.tensors.emit('tensors', { kind: 'refusal', request: 1, task: 1, code: 'x', message: 'y' });
          bad.control.emit('statistics', {
            rssBytes: 77,
            storeBytes: 1,
            inFlight: 0,
            temperatureCelsius: null,
          });
          await plane.until(() => plane.device(bad.name)?.memory.rssBytes === 77);
          expect(bad.tensors.connected).toBe(true);
        } else {
          await gone;
          await plane.until(() => reasonAgainst(bad) !== undefined);
          expect(reasonAgainst(bad)).not.toBe('');
        }
        bad.close();
        expect(load.problems).toEqual([]);
      }),
      { seed: SEED, numRuns },
    );
  }, 120_000);

  it('random text on either connection does not affect other devices', async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ maxLength: 60 }).map((rest) => `2/tensors,${rest}`),
      fc.json().map((json) => `2/control,["hello",${json}]`),
      fc.json().map((json) => `2/control,["statistics",${json}]`),
      fc.constant('51-/tensors,["tensors",{"_placeholder":true,"num":0}]'),
      fc.constant('59999999999-/control,["hello"]'),
      fc.constant('0/supervisor,{}'),
      fc.constant('1/control,'),
    );
    const numRuns = 25;
    const next = await crowd(numRuns);
    await fc.assert(
      fc.asyncProperty(text, fc.boolean(), async (bytes, onTensors) => {
        const bad = await next();
        bad.sendRaw(onTensors ? bad.tensors : bad.control, bytes);
        await load.nextAnswer();
        bad.close();
        expect(load.problems).toEqual([]);
      }),
      { seed: SEED, numRuns },
    );
  }, 120_000);
});

describe('a seated device that answers', () => {
  type Answer = FromDevice & { kind: 'answer' };
  const faults: [string, (correct: Answer, device: ScriptedDevice) => FromDevice | null][] = [
    [
      'with another shape',
      (correct) => ({ ...correct, tensors: correct.tensors.map((t) => ({ ...t, dims: [4, 1] })) }),
    ],
    [
      'with too few values',
      (correct) => ({
        ...correct,
        tensors: [
          { type: 'float32', dims: [1, 2], data: (correct.tensors[0]!.data as Float32Array).slice(0, 2) },
        ],
      }),
    ],
    ['with two tensors', (correct) => ({ ...correct, tensors: [...correct.tensors, ...correct.tensors] })],
    ['without tensors', (correct) => ({ ...correct, tensors: [] })],
    [
      'with integers',
      (correct) => ({
        ...correct,
        tensors: [{ type: 'int32', dims: [1, 4], data: Int32Array.of(1, 2, 3, 4) }],
      }),
    ],
    [
      'with one wrong value',
      (correct) => {
        (correct.tensors[0]!.data as Float32Array)[1]! += 0.01;
        return correct;
      },
    ],
    ['to the previous request', (correct) => ({ ...correct, request: correct.request - 1 })],
    ['for another task', (correct) => ({ ...correct, task: correct.task + 1 })],
    [
      'a hundred times',
      (correct, device) => {
        for (let copy = 0; copy < 100; copy++) device.tensors.emit('tensors', correct);
        return correct;
      },
    ],
    ['with its first answer again', replaying()],
  ];

  // Concurrent, because each case waits for the retries of a silent device.
  it.concurrent.each(faults)(
    '%s: does not affect requests and is excluded with a reason',
    async (_what, misbehavior) => {
      const problemsBefore = load.problems.length;
      const bad = await joined({ misbehavior });
      const seated = await linearModel(plane.blobs, { name: bad.id, seed: devices.indexOf(bad) + 1 });
      const others = devices.slice(0, 3).map(({ id }) => id);
      const policy = { ...seated.deployment.policy, verify: 'before' as const };
      const seats = [bad.id, ...others];
      await plane.plane.call({ kind: 'deploy', deployment: { ...seated.deployment, policy, seats } });
      await plane.until(() => plane.deployment(bad.id)?.state === 'ready');
      for (let request = 0; reasonAgainst(bad) === undefined; request++) {
        const x = Float32Array.from({ length: seated.inner }, (_, i) => Math.cos(request + i));
        const body = JSON.stringify({
          inputs: [{ name: 'x', shape: [1, 8], datatype: 'FP32', data: [...x] }],
        });
        const path = `/v2/models/${bad.id}/infer`;
        const answer = await send(plane.plane.port, 'POST', path, { token: TEST_TOKENS.inferToken, body });
        expect(answer.status, answer.body.toString()).toBe(200);
        const values: number[] = answer.json().outputs[0].data;
        for (const [i, value] of values.entries()) expect(value).toBeCloseTo(seated.expected(x)[i]!, 5);
      }
      expect(reasonAgainst(bad)).not.toBe('');
      await plane.plane.call({ kind: 'undeploy', name: bad.id });
      expect(load.problems.length).toBe(problemsBefore);
    },
    120_000,
  );

  function replaying(): (correct: Answer) => FromDevice {
    let first: Answer | null = null;
    return (correct) => {
      const replayed: Answer = first ?? structuredClone(correct);
      first = replayed;
      return { ...replayed, request: correct.request, task: correct.task };
    };
  }
});
