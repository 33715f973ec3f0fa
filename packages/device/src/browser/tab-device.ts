import {
  NAMESPACES,
  type Outcome,
  PROTOCOL_VERSION,
  parseDeviceCommand,
  parseDeviceFault,
  type SupervisedDevice,
  type SupervisorAuth,
} from '@sparewheel/protocol';
import { Connection } from '../connection.ts';
import { refusalOf } from '../control.ts';
import type { DeviceReport, FromDeviceWorker, TabDeviceSettings, ToDeviceWorker } from './device-report.ts';

const FAULT_TIMEOUT_MS = 2_000;
/** Waits before a device that crashed is started again: as the supervisor of processes does. */
const RESTART_MIN_MS = 250;
const RESTART_MAX_MS = 10_000;
/** A life of this length was a good one: the next wait is short again. */
const GOOD_LIFE_MS = 10_000;

/** What a page knows of its device. */
export interface TabDeviceState {
  /** `killed` from the dashboard; `failed` could not start or crashed, see `problem`, and is started again. */
  readonly phase: 'running' | 'killed' | 'failed';
  readonly problem: string | null;
  /** The device's last word; null before its first. */
  readonly report: DeviceReport | null;
}

/**
 * A page's device, in a Worker, with the page as its supervisor: the dashboard can kill it (the Worker ends at once),
 * revive it, and set faults beside the network, as with a device process.
 */
export class TabDevice {
  readonly settings: TabDeviceSettings;
  readonly #createWorker: () => Worker;
  readonly #connection: Connection;
  readonly #listeners = new Set<() => void>();
  readonly #faultCalls = new Map<number, (outcome: Outcome) => void>();
  #calls = 0;
  #worker: Worker | null = null;
  #startedAt = 0;
  #restartMs = RESTART_MIN_MS;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #state: TabDeviceState = { phase: 'running', problem: null, report: null };

  constructor(settings: TabDeviceSettings, createWorker = createDeviceWorker) {
    this.settings = settings;
    this.#createWorker = createWorker;
    const auth: SupervisorAuth = { protocol: PROTOCOL_VERSION, token: settings.token };
    this.#connection = new Connection(settings.url, NAMESPACES.supervisor, auth);
    const { socket } = this.#connection;
    socket.on('connect', () => this.#reportProcess());
    this.#on('kill', async (message) => {
      this.#expectOwn(parseDeviceCommand(message).id);
      this.#end('killed', null);
      return { ok: true };
    });
    this.#on('revive', async (message) => {
      this.#expectOwn(parseDeviceCommand(message).id);
      this.revive();
      return { ok: true };
    });
    this.#on('fault', async (message) => {
      const { id, fault } = parseDeviceFault(message);
      this.#expectOwn(id);
      return this.setFault(fault);
    });
    for (const command of ['pause', 'resume'] as const) {
      this.#on(command, async () => ({
        ok: false,
        code: 'failed',
        message: 'a browser cannot stop a tab and let it go on; partition or slow it instead',
      }));
    }
  }

  /** Starts the device and connects. */
  start(): void {
    this.revive();
    this.#connection.open();
  }

  /** Ends it without a goodbye, as closing the tab would. */
  stop(): void {
    clearTimeout(this.#restart);
    this.#worker?.terminate();
    this.#worker = null;
    this.#connection.close();
  }

  /** Starts the device again; with one that runs, nothing happens. */
  revive(): void {
    if (this.#worker !== null) return;
    clearTimeout(this.#restart);
    this.#startedAt = performance.now();
    const worker = this.#createWorker();
    this.#worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<FromDeviceWorker>) => this.#hear(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (this.#worker === worker) this.#end('failed', event.message || 'its code could not be loaded');
    });
    this.#tell({ kind: 'start', settings: this.settings });
    this.#become({ phase: 'running', problem: null, report: null });
    this.#reportProcess();
  }

  /** Sets a fault beside the network. */
  setFault(fault: unknown): Promise<Outcome> {
    if (this.#worker === null) return Promise.resolve(NOT_RUNNING);
    const call = ++this.#calls;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => settle({ ok: false, code: 'no-answer', message: 'the tab is busy and does not answer' }),
        FAULT_TIMEOUT_MS,
      );
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        this.#faultCalls.delete(call);
        resolve(outcome);
      };
      this.#faultCalls.set(call, settle);
      this.#tell({ kind: 'fault', call, fault });
    });
  }

  readonly getState = (): TabDeviceState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #hear(message: FromDeviceWorker): void {
    if (message.kind === 'report') this.#become({ ...this.#state, report: message.report });
    else if (message.kind === 'outcome') this.#faultCalls.get(message.call)?.(message.outcome);
    else this.#end('failed', message.message);
  }

  #end(phase: 'killed' | 'failed', problem: string | null): void {
    if (this.#worker === null) return;
    this.#worker.terminate();
    this.#worker = null;
    for (const settle of [...this.#faultCalls.values()]) settle(NOT_RUNNING);
    this.#become({ ...this.#state, phase, problem });
    const how = phase === 'killed' ? { exitCode: null, signal: 'SIGKILL' } : { exitCode: 1, signal: null };
    this.#connection.send('ended', { id: this.settings.identity.id, ...how });
    this.#reportProcess();
    if (phase === 'failed') this.#restartLater();
  }

  /** Whoever was killed stays down until it is revived; whoever crashed comes back by itself. */
  #restartLater(): void {
    if (performance.now() - this.#startedAt >= GOOD_LIFE_MS) this.#restartMs = RESTART_MIN_MS;
    this.#restart = setTimeout(() => this.revive(), this.#restartMs);
    this.#restartMs = Math.min(RESTART_MAX_MS, this.#restartMs * 2);
  }

  #reportProcess(): void {
    const { identity, name } = this.settings;
    const device: SupervisedDevice = {
      id: identity.id,
      name,
      running: this.#worker !== null,
      processId: null,
    };
    this.#connection.send('devices', [device]);
  }

  #on(command: string, carryOut: (message: unknown) => Promise<Outcome>): void {
    this.#connection.socket.on(command, async (message: unknown, acknowledge: unknown) => {
      const outcome = await carryOut(message).catch(refusalOf);
      if (typeof acknowledge === 'function') acknowledge(outcome);
    });
  }

  #expectOwn(id: string): void {
    if (id !== this.settings.identity.id) throw new Error(`no device ${id} in this tab`);
  }

  #tell(message: ToDeviceWorker): void {
    this.#worker?.postMessage(message);
  }

  #become(state: TabDeviceState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

const NOT_RUNNING: Outcome = {
  ok: false,
  code: 'not-running',
  message: 'the device is down; revive it first',
};

function createDeviceWorker(): Worker {
  return new Worker(new URL('./device-worker.ts', import.meta.url), { type: 'module', name: 'device' });
}
