import { type ChildProcess, fork } from 'node:child_process';
import type { Fault, Outcome } from '@sparewheel/protocol';
import type { Clock } from '@sparewheel/runtime/clock';
import { siblingEntry } from '@sparewheel/runtime/entry';
import type { DeviceSettings, FromDeviceProcess, ToDeviceProcess } from './device-messages.ts';

/** Backoff before a crashed process restarts. It doubles with each crash. */
const RESTART_MIN_MS = 250;
const RESTART_MAX_MS = 10_000;
/** Running for this long without a crash resets the backoff. */
const STABLE_AFTER_MS = 30_000;
const FAULT_TIMEOUT_MS = 2_000;
/**
 * A process that exits this soon after a revive was probably dead before it, with the exit not reported yet. It
 * restarts at once.
 */
const REVIVE_RACE_MS = 2_000;
/**
 * V8's default young generation and thread pool need 25 MB more, but a device handles few messages at a time.
 * `ReceiveBufferCollector` needs the exposed collector.
 */
const SMALL_HEAP = ['--max-semi-space-size=1', '--v8-pool-size=1', '--expose-gc'];
/**
 * Settings of glibc's malloc; other libraries ignore them. By default glibc keeps freed memory, in one arena per
 * thread. Blocks over 1 MiB are returned at once. A lower threshold would cost measurable page faults.
 */
const SMALL_MALLOC = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 20),
};
/** ONNX Runtime otherwise reports its usage, and keeps a database for that in the user's home directory. */
const NO_TELEMETRY = { ORT_DISABLE_TELEMETRY: '1' };
/** Signals of an intended end, also from the out-of-memory killer. The device stays down until it is revived. */
const INTENDED: readonly (NodeJS.Signals | null)[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'];

export interface DeviceProcessEvents {
  started(): void;
  ended(exitCode: number | null, signal: string | null): void;
  log(message: string): void;
}

/** Controls the process of one device: starts, kills, pauses and revives it, and restarts it after a crash. */
export class DeviceProcess {
  readonly settings: DeviceSettings;
  readonly #events: DeviceProcessEvents;
  readonly #clock: Clock;
  #child: ChildProcess | null = null;
  #startedAt = 0;
  #revivedAt = Number.NEGATIVE_INFINITY;
  #crashes = 0;
  #cancelRestart: (() => void) | null = null;
  #calls = 0;
  readonly #faultCalls = new Map<number, (outcome: Outcome) => void>();

  constructor(settings: DeviceSettings, events: DeviceProcessEvents, clock: Clock) {
    this.settings = settings;
    this.#events = events;
    this.#clock = clock;
  }

  get processId(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Starts the process, or resumes it if it is paused. */
  revive(): Outcome {
    if (this.#child !== null) {
      this.#revivedAt = this.#clock.now();
      this.#child.kill('SIGCONT');
    } else {
      this.#start();
    }
    return { ok: true };
  }

  /** Kills the process and resolves when it has ended. Does nothing if it is not running. */
  async kill(): Promise<Outcome> {
    this.#cancelRestart?.();
    this.#cancelRestart = null;
    this.#revivedAt = Number.NEGATIVE_INFINITY;
    const child = this.#child;
    if (child !== null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    return { ok: true };
  }

  pause(): Outcome {
    return this.#signal('SIGSTOP');
  }

  resume(): Outcome {
    return this.#signal('SIGCONT');
  }

  /** Sets a fault without the network, so that it also reaches a partitioned device. */
  fault(fault: Fault): Promise<Outcome> {
    const child = this.#child;
    if (child === null) return Promise.resolve(notRunning(this.settings.name));
    const call = ++this.#calls;
    return new Promise((resolve) => {
      const cancelTimeout = this.#clock.schedule(FAULT_TIMEOUT_MS, () =>
        settle({
          ok: false,
          code: 'no-answer',
          message: `${this.settings.name} does not answer; resume it if it is paused`,
        }),
      );
      const settle = (outcome: Outcome) => {
        cancelTimeout();
        this.#faultCalls.delete(call);
        resolve(outcome);
      };
      this.#faultCalls.set(call, settle);
      this.#send(child, { kind: 'fault', call, fault });
    });
  }

  #start(): void {
    this.#cancelRestart?.();
    this.#cancelRestart = null;
    const { path, execArgv } = siblingEntry(import.meta.url, {
      source: './device.ts',
      bundled: './device.js',
    }).process;
    const child = fork(path, {
      execArgv: [...execArgv, ...SMALL_HEAP],
      env: { ...SMALL_MALLOC, ...NO_TELEMETRY, ...process.env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#startedAt = this.#clock.now();
    child.on('message', (message: FromDeviceProcess) => {
      if (message.kind === 'log') this.#events.log(message.message);
      else this.#faultCalls.get(message.call)?.(message.outcome);
    });
    child.on('error', (error) => this.#events.log(error.message));
    child.on('exit', (exitCode, signal) => this.#ended(exitCode, signal));
    this.#send(child, { kind: 'start', settings: this.settings });
    this.#events.started();
  }

  #ended(exitCode: number | null, signal: NodeJS.Signals | null): void {
    this.#child = null;
    for (const settle of [...this.#faultCalls.values()]) settle(notRunning(this.settings.name));
    this.#events.ended(exitCode, signal);
    if (this.#clock.now() - this.#revivedAt < REVIVE_RACE_MS) {
      this.#revivedAt = Number.NEGATIVE_INFINITY;
      this.#start();
      return;
    }
    const crashed = signal === null ? exitCode !== 0 : !INTENDED.includes(signal);
    if (!crashed) return;
    if (this.#clock.now() - this.#startedAt > STABLE_AFTER_MS) this.#crashes = 0;
    const delayMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** Math.min(this.#crashes, 20));
    this.#crashes++;
    this.#events.log(`crashed (${signal ?? `exit code ${exitCode}`}); restarts in ${delayMs} ms`);
    this.#cancelRestart = this.#clock.schedule(delayMs, () => this.#start());
  }

  #signal(signal: NodeJS.Signals): Outcome {
    if (this.#child === null) return notRunning(this.settings.name);
    this.#child.kill(signal);
    return { ok: true };
  }

  /** Sends a message. Ignores errors: the exit event reports a child that has ended. */
  #send(child: ChildProcess, message: ToDeviceProcess): void {
    child.send(message, () => {});
  }
}

function notRunning(name: string): Outcome {
  return { ok: false, code: 'not-running', message: `${name} is not running; revive it first` };
}
