import { AnswerTime, AnswerTimes, BackupHold, type Gather } from '@sparewheel/coordinator';
import type { FromDevice } from '@sparewheel/protocol';
import type { Tampering } from './data-plane.ts';
import type { PromiseName } from './promises.ts';
import {
  addingFirstTwice,
  every,
  installing,
  losingDuringRedistributions,
  patchNext,
  receiving,
  repeatingFirstOfBatch,
  roundingIntegerParity,
  ruling,
  weakened,
  withOptions,
  withoutSizeLimits,
} from './tamper.ts';

/** A coordinator that breaks a promise on purpose. The checker must complain. */
export interface Mutant {
  readonly name: string;
  /** The promise that it breaks. A complaint about another promise also counts. */
  readonly promise: PromiseName;
  readonly tampering: Tampering;
  /** Changes code that no port reaches. @returns undoes the change */
  readonly patch?: () => () => void;
}

const A: PromiseName = 'a: repairable failures delay no request';
const B: PromiseName = 'b: beyond repair, rescue and then takeover';
const C: PromiseName = 'c: one answer or one error before the deadline';
const D: PromiseName = 'd: no wrong answer goes unnoticed';
const E: PromiseName = 'e: a returning device serves without a transfer';
const F: PromiseName = 'f: changes disturb no request';
const G: PromiseName = 'g: a restart restores everything';
const H: PromiseName = 'h: a device that computes is not silent';
const BATCHES: PromiseName = 'batches: only requests whose policy allows it';
const MIRRORS: PromiseName = 'mirrors: a copy of each request, and no effect on the original';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'waits for every answer in flight',
    promise: A,
    tampering: {},
    patch: () =>
      patchNext(
        (next) =>
          function (this: Gather, elapsedMs: number) {
            const decision = next.call(this, elapsedMs);
            return decision.kind === 'decode' && this.outstanding > 0
              ? { kind: 'wait', untilMs: null }
              : decision;
          },
      ),
  },
  {
    name: 'never sends to the last device of a group',
    promise: A,
    tampering: {
      ports: (ports) => ({
        ...ports,
        transport: {
          scatter: (devices, request) =>
            ports.transport.scatter(devices.length > 1 ? devices.slice(0, -1) : devices, request),
          cancel: (devices, request) => ports.transport.cancel(devices, request),
        },
      }),
    },
  },
  {
    name: 'never asks the backup of a tile in time',
    promise: A,
    tampering: {},
    patch: () => {
      const known = Object.getOwnPropertyDescriptor(BackupHold.prototype, 'holdMs')!;
      Object.defineProperty(BackupHold.prototype, 'holdMs', { ...known, get: () => 1e9 });
      return () => void Object.defineProperty(BackupHold.prototype, 'holdMs', known);
    },
  },
  {
    name: 'adds one slice twice',
    promise: D,
    tampering: { face: addingFirstTwice },
  },
  {
    name: 'loses one answer in five',
    promise: A,
    tampering: {
      face: (face) =>
        receiving(
          face,
          every(5, (_device, message) => message.kind !== 'answer'),
        ),
    },
  },
  {
    name: 'never gives up on a silent device',
    promise: B,
    tampering: { ports: (ports) => withOptions(ports, { silentAfterMs: 1e9 }) },
  },
  {
    name: 'never replaces a device',
    promise: B,
    tampering: { ports: (ports) => withOptions(ports, { takeoverAfterMs: 1e9, takeoverSilentAfterMs: 1e9 }) },
  },
  {
    name: 'rescues on the data plane although the policy forbids it',
    promise: B,
    tampering: { face: (face) => ruling(face, (rescue) => rescue && 'data-plane') },
  },
  {
    name: 'never redistributes a shard',
    promise: B,
    tampering: { face: (face) => ruling(face, (rescue) => (rescue === 'devices' ? 'off' : rescue), true) },
  },
  {
    name: 'reports a seat as ready before its tasks are loaded',
    promise: B,
    tampering: {
      ports: (ports) =>
        installing(ports, async (device, tasks, options) => {
          void ports.installer.install(device, tasks.slice(1), options).catch(() => {});
        }),
    },
  },
  {
    name: 'ignores the deadline',
    promise: C,
    tampering: {
      face: (face) => ({
        ...face,
        infer: (name, feeds, options) => face.infer(name, feeds, { ...options, deadlineMs: 1e6 }),
      }),
    },
  },
  {
    name: 'never ends one request in thirty',
    promise: C,
    tampering: {
      face: (face) => {
        let count = 0;
        return {
          ...face,
          infer: (name, feeds, options) =>
            ++count % 30 === 0
              ? face.infer(name, feeds, options).then(() => new Promise<never>(() => {}))
              : face.infer(name, feeds, options),
        };
      },
    },
  },
  {
    name: 'loses the requests that arrive during a redistribution',
    promise: C,
    tampering: losingDuringRedistributions(),
  },
  {
    name: 'reports the end of a request twice',
    promise: C,
    tampering: {
      ports: (ports) => ({
        ...ports,
        emit: (event) => {
          ports.emit(event);
          if (event.kind === 'request-finished' && event.outcome.recovered > 0) ports.emit(event);
        },
      }),
    },
  },
  {
    name: 'skips the check before the answer',
    promise: D,
    tampering: { face: (face) => weakened(face, 'before') },
  },
  {
    name: 'skips the check after the answer',
    promise: D,
    tampering: { face: (face) => weakened(face, 'after') },
  },
  {
    name: 'accepts answers of other requests',
    promise: D,
    tampering: {
      face: (face) => {
        const last = new Map<string, FromDevice>();
        return {
          ...face,
          receive: (device, message) => {
            const key = `${device} ${message.task}`;
            const stale = last.get(key);
            if (message.kind === 'answer') last.set(key, message);
            const swapped =
              stale?.kind === 'answer' && message.kind === 'answer' && message.request % 7 === 0;
            face.receive(device, swapped ? { ...stale, request: message.request } : message);
          },
        };
      },
    },
  },
  {
    name: 'swaps two devices of a group',
    promise: D,
    tampering: {
      face: (face) => {
        const waiting = new Map<string, { device: string; message: FromDevice }>();
        return {
          ...face,
          receive: (device, message) => {
            const key = `${message.request} ${message.task}`;
            const first = waiting.get(key);
            if (message.kind !== 'answer' || message.request % 5 !== 0 || first?.device === device) {
              face.receive(device, message);
            } else if (!first) {
              waiting.set(key, { device, message });
            } else {
              waiting.delete(key);
              face.receive(first.device, message);
              face.receive(device, first.message);
            }
          },
        };
      },
    },
  },
  {
    name: 'gives the first answer of a batch to all its requests',
    promise: D,
    tampering: { face: repeatingFirstOfBatch },
  },
  {
    name: 'rounds the parity of integers to float32',
    promise: D,
    tampering: { face: roundingIntegerParity },
  },
  {
    name: 'lets devices batch requests whose policy forbids it',
    promise: BATCHES,
    tampering: {
      face: (face) => ({
        ...face,
        deploy: (request) => face.deploy({ ...request, policy: { ...request.policy, batch: true } }),
        setPolicy: (name, policy) => face.setPolicy(name, { ...policy, batch: true }),
      }),
    },
  },
  {
    name: 'sends a wrong piece of a divided input',
    promise: D,
    tampering: {
      ports: (ports) => {
        const sent = new Set<string>();
        return {
          ...ports,
          transport: {
            scatter: (devices, request) => {
              const key = `${request.request} ${request.task}`;
              const [tensor] = request.tensors;
              // Only a step that divides its input sends several messages for one task.
              if (!sent.has(key) || request.request % 5 !== 0 || tensor?.type !== 'float32') {
                sent.add(key);
                ports.transport.scatter(devices, request);
                return;
              }
              const data = (tensor.data as Float32Array).map((value, i) => value + Number(i === 0));
              ports.transport.scatter(devices, { ...request, tensors: [{ ...tensor, data }] });
            },
            cancel: (devices, request) => ports.transport.cancel(devices, request),
          },
        };
      },
    },
  },
  {
    name: 'quarantines a neighbor',
    promise: D,
    tampering: {
      face: (face, { devices }) => ({
        ...face,
        receive: (device, message) => {
          face.receive(device, message);
          const corrupter = devices.find(({ id, everLied }) => id === device && everLied);
          const neighbor = devices.find(({ id }) => id !== device);
          if (corrupter && neighbor) face.quarantine(neighbor.id, 'its neighbor lied');
        },
      }),
    },
  },
  {
    name: 'sends blobs that a device already holds',
    promise: E,
    tampering: {
      ports: (ports) =>
        installing(ports, (device, tasks, { signal, onProgress }) =>
          ports.installer.install(device, tasks, {
            signal,
            onProgress: ({ totalBytes }) =>
              onProgress({ sentBytes: totalBytes + 1_000, totalBytes: totalBytes + 1_000 }),
          }),
        ),
    },
  },
  {
    name: 'learns late that a device returned',
    promise: E,
    tampering: {
      face: (face) => {
        const known = new Set<string>();
        return {
          ...face,
          deviceConnected: (device) => {
            if (!known.has(device)) face.deviceConnected(device);
            known.add(device);
          },
        };
      },
    },
  },
  {
    name: 'removes a deployment to change it',
    promise: F,
    tampering: {
      face: (face) => ({
        ...face,
        deploy: (request) => {
          if (face.snapshot().deployments.some(({ name }) => name === request.name))
            void face.undeploy(request.name);
          face.deploy(request);
        },
      }),
    },
  },
  {
    name: 'takes a joining device for a returning one',
    promise: F,
    tampering: {
      face: (face, { devices }) => ({
        ...face,
        deviceConnected: (device) => {
          face.deviceConnected(device);
          const index = devices.findIndex(({ id }) => id === device);
          if (face.snapshot().deployments.some(({ state }) => state === 'ready'))
            face.deviceDisconnected(devices[(index + 1) % devices.length]!.id, 'mixed up');
        },
      }),
    },
  },
  {
    name: 'forgets the deployments in a restart',
    promise: G,
    tampering: { restore: ({ firstTask }) => ({ deployments: new Map(), firstTask }) },
  },
  {
    name: 'forgets the seats in a restart',
    promise: G,
    tampering: {
      restore: ({ deployments, firstTask }) => ({
        deployments: new Map(
          [...deployments].map(([name, stored]) => [name, { ...stored, seats: [...stored.seats].reverse() }]),
        ),
        firstTask,
      }),
    },
  },
  {
    name: 'expects the same time of every step of a device',
    promise: A,
    tampering: {},
    patch: () => {
      const { of } = AnswerTimes.prototype;
      const byDevice = new Map<string, AnswerTime>();
      AnswerTimes.prototype.of = (device) => {
        const time = byDevice.get(device) ?? new AnswerTime();
        byDevice.set(device, time);
        return time;
      };
      return () => {
        AnswerTimes.prototype.of = of;
      };
    },
  },
  {
    name: 'ignores the reports of devices that compute',
    promise: H,
    tampering: { face: (face) => ({ ...face, reportComputing: () => {} }) },
  },
  {
    name: 'forgets that a deployment is a mirror',
    promise: MIRRORS,
    tampering: {
      face: (face) => ({ ...face, deploy: (request) => face.deploy({ ...request, mirrorOf: null }) }),
    },
  },
  {
    name: 'fails requests while their mirror cannot answer',
    promise: MIRRORS,
    tampering: {
      face: (face) => ({
        ...face,
        infer: (name, feeds, options) => {
          const mirror = face.snapshot().deployments.find(({ mirrorOf }) => mirrorOf === name);
          const inference = face.infer(name, feeds, options);
          if (mirror?.state !== 'unavailable') return inference;
          return inference.then(() => Promise.reject(new Error('the mirror cannot answer')));
        },
      }),
    },
  },
  {
    name: 'refuses requests too early',
    promise: 'bounds',
    tampering: { ports: (ports) => withOptions(ports, { requestsInFlight: 2, requestsQueued: 1 }) },
  },
  {
    name: 'queues without a bound',
    promise: 'bounds',
    tampering: { ports: (ports) => withOptions(ports, { requestsInFlight: 1e6, requestsQueued: 1e6 }) },
  },
  {
    name: 'accepts a size above the limit of a free dimension',
    promise: 'bounds',
    tampering: { face: withoutSizeLimits },
  },
  {
    name: 'sends a device more than its limit',
    promise: 'bounds',
    tampering: { ports: (ports) => withOptions(ports, { inFlightPerDevice: 1e6 }) },
  },
  {
    name: 'never unloads anything',
    promise: 'leaks',
    tampering: {
      ports: (ports) => ({
        ...ports,
        installer: { install: (...args) => ports.installer.install(...args), uninstall: () => {} },
      }),
    },
  },
  {
    name: 'leaves a timer behind after every request',
    promise: 'leaks',
    tampering: {
      ports: (ports) => {
        const { clock } = ports;
        const schedule = (delayMs: number, callback: () => void) => {
          if (delayMs >= 3_000) clock.schedule(1e7, () => {});
          return clock.schedule(delayMs, callback);
        };
        return { ...ports, clock: { now: () => clock.now(), schedule } };
      },
    },
  },
];
