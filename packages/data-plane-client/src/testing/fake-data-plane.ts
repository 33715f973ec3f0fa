import { EventEmitter } from 'node:events';
import type { DeviceView, ErrorReport } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import type { DataPlaneThread } from '../data-plane-link.ts';
import type { CallMessage, DataPlaneCall, DataPlaneMessage, DeploymentRuntime } from '../messages.ts';

/** May return a promise. */
type Answer = (body: DataPlaneCall) => unknown;

/** A fake of the data plane's end of the channel: records calls and sends the given answers. */
export class FakeDataPlane extends EventEmitter implements DataPlaneThread {
  readonly calls: DataPlaneCall[] = [];
  terminated = false;
  /** Answers by kind of call. A thrown ApiError becomes a failed reply. Other calls get null. */
  readonly answers: Partial<Record<DataPlaneCall['kind'], Answer>> = {
    metrics: () => ({ durations: [], devices: [], quarantines: [] }),
  };

  postMessage({ call, body }: CallMessage): void {
    this.calls.push(body);
    queueMicrotask(async () => {
      try {
        const value = ((await this.answers[body.kind]?.(body)) ?? null) as null;
        this.say({ kind: 'reply', call, ok: true, value });
      } catch (error) {
        this.say({ kind: 'reply', call, ok: false, failure: error as ErrorReport });
      }
    });
  }

  callsOf<K extends DataPlaneCall['kind']>(kind: K): Extract<DataPlaneCall, { kind: K }>[] {
    return this.calls.filter((call): call is Extract<DataPlaneCall, { kind: K }> => call.kind === kind);
  }

  say(message: DataPlaneMessage): void {
    this.emit('message', message);
  }

  listen(port = 3001): void {
    this.say({ kind: 'listening', port, grpcPort: null });
  }

  report(devices: readonly DeviceView[], deployments: readonly DeploymentRuntime[] = []): void {
    this.say({ kind: 'views', devices, deployments, latency: [] });
  }

  crash(reason: string): void {
    this.emit('error', new Error(reason));
    this.emit('exit', 1);
  }

  async terminate(): Promise<void> {
    this.terminated = true;
    this.emit('exit', 0);
  }
}

export function refuse(status: number, code: string, message: string): never {
  throw new ApiError(status, code, message);
}

export function deviceView(id: string, change: Partial<DeviceView> = {}): DeviceView {
  return {
    id,
    name: `name of ${id}`,
    state: 'ready',
    connected: true,
    roles: ['standby'],
    seats: [],
    platform: 'linux-x64',
    engine: 'native',
    processId: 1234,
    supervised: true,
    memory: { rssBytes: 90e6, totalBytes: 1e9, storeBytes: 0 },
    roundTripMs: 1,
    inFlight: 0,
    arrivalMs: null,
    answers: 0,
    late: 0,
    invalid: 0,
    temperatureCelsius: null,
    faults: [],
    reason: null,
    joinedAt: '2026-11-23T10:00:00.000Z',
    lastSeenAt: '2026-11-23T10:00:00.000Z',
    ...change,
  };
}
