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
import { failureOutcome } from '../control.ts';
import type { DeviceReport, FromDeviceWorker, TabDeviceSettings, ToDeviceWorker } from './worker-messages.ts';

const FAULT_TIMEOUT_MS = 2_000;
/** Backoff before a crashed device restarts, as in the agent's supervisor. */
const RESTART_MIN_MS = 250;
const RESTART_MAX_MS = 10_000;
/** Running for this long without a crash resets the backoff. */
const STABLE_AFTER_MS = 10_000;

/** The page's state of its device. */
export interface TabDeviceState {
  /** `killed`: from the dashboard or this page, see `killedBy`. `failed`: could not start or crashed, see `problem`; restarts by itself. */
  readonly phase: 'running' | 'killed' | 'failed';
  readonly problem: string | null;
  readonly killedBy?: 'dashboard' | 'page';
  /** The device's last report; null before the first. */
  readonly report: DeviceReport | null;
}

/**
 * Runs a device in a Worker and supervises it. The dashboard can kill it (the Worker ends at once), revive it
 * and set faults without the network, as with a device process.
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
      this.#end('killed', null, 'dashboard');
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
        message: 'a browser cannot pause a tab; partition or slow the device instead',
      }));
    }
  }

  /** Starts the device and connects. */
  start(): void {
    this.revive();
    this.#connection.open();
  }

  /** Ends the device at once, as closing the tab would. */
  stop(): void {
    clearTimeout(this.#restart);
    this.#worker?.terminate();
    this.#worker = null;
    this.#connection.close();
  }

  /** Ends the device at once, as the dashboard can. It stays down until it is revived. */
  kill(): void {
    this.#end('killed', null, 'page');
  }

  /** Restarts the device. Does nothing if it is running. */
  revive(): void {
    if (this.#worker !== null) return;
    clearTimeout(this.#restart);
    this.#startedAt = performance.now();
    const worker = this.#createWorker();
    this.#worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<FromDeviceWorker>) => this.#receive(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (this.#worker === worker)
        this.#end('failed', event.message || 'the device code could not be loaded');
    });
    this.#send({ kind: 'start', settings: this.settings });
    this.#setState({ phase: 'running', problem: null, report: null });
    this.#reportProcess();
  }

  /** Sets a fault without the network, so that it also reaches a partitioned device. */
  setFault(fault: unknown): Promise<Outcome> {
    if (this.#worker === null) return Promise.resolve(NOT_RUNNING);
    const call = ++this.#calls;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => settle({ ok: false, code: 'no-answer', message: 'the tab does not answer; try again' }),
        FAULT_TIMEOUT_MS,
      );
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        this.#faultCalls.delete(call);
        resolve(outcome);
      };
      this.#faultCalls.set(call, settle);
      this.#send({ kind: 'fault', call, fault });
    });
  }

  readonly getState = (): TabDeviceState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #receive(message: FromDeviceWorker): void {
    if (message.kind === 'report') this.#setState({ ...this.#state, report: message.report });
    else if (message.kind === 'outcome') this.#faultCalls.get(message.call)?.(message.outcome);
    else this.#end('failed', message.message);
  }

  #end(phase: 'killed' | 'failed', problem: string | null, killedBy?: 'dashboard' | 'page'): void {
    if (this.#worker === null) return;
    this.#worker.terminate();
    this.#worker = null;
    for (const settle of [...this.#faultCalls.values()]) settle(NOT_RUNNING);
    this.#setState({
      report: this.#state.report,
      phase,
      problem,
      ...(killedBy === undefined ? {} : { killedBy }),
    });
    const how = phase === 'killed' ? { exitCode: null, signal: 'SIGKILL' } : { exitCode: 1, signal: null };
    this.#connection.send('ended', { id: this.settings.identity.id, ...how });
    this.#reportProcess();
    if (phase === 'failed') this.#restartLater();
  }

  /** Restarts a crashed device after a backoff. A killed device stays down until it is revived. */
  #restartLater(): void {
    if (performance.now() - this.#startedAt >= STABLE_AFTER_MS) this.#restartMs = RESTART_MIN_MS;
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

  #on(command: string, execute: (message: unknown) => Promise<Outcome>): void {
    this.#connection.socket.on(command, async (message: unknown, acknowledge: unknown) => {
      const outcome = await execute(message).catch(failureOutcome);
      if (typeof acknowledge === 'function') acknowledge(outcome);
    });
  }

  #expectOwn(id: string): void {
    if (id !== this.settings.identity.id) throw new Error(`this tab does not run the device ${id}`);
  }

  #send(message: ToDeviceWorker): void {
    this.#worker?.postMessage(message);
  }

  #setState(state: TabDeviceState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

const NOT_RUNNING: Outcome = {
  ok: false,
  code: 'not-running',
  message: 'the device is not running; revive it first',
};

function createDeviceWorker(): Worker {
  return new Worker(new URL('./device-worker.ts', import.meta.url), { type: 'module', name: 'device' });
}
