import { type ChildProcess, fork } from 'node:child_process';
import type { Fault, Outcome } from '@sparewheel/protocol';
import type { Clock } from '@sparewheel/runtime/clock';
import { siblingEntry } from '@sparewheel/runtime/entry';
import type { DeviceSettings, FromDeviceProcess, ToDeviceProcess } from './device-messages.ts';

/** Waits before the process is started again after a crash: doubling, and from the start after a good while. */
const RESTART_MIN_MS = 250;
const RESTART_MAX_MS = 10_000;
const GOOD_WHILE_MS = 30_000;
const FAULT_TIMEOUT_MS = 2_000;
/** A process that ends so soon after it was revived was dead by then, and nobody knew yet: it is started after all. */
const REVIVE_RACE_MS = 2_000;
/**
 * A young generation and a thread pool for a program that handles a few messages at a time; V8's own take 25 MB more.
 * The collector, so that the device lets go of what a shard came in: see `ReceiveGarbage`.
 */
const SMALL_HEAP = ['--max-semi-space-size=1', '--v8-pool-size=1', '--expose-gc'];
/**
 * glibc's malloc keeps what is freed, in an arena for every thread; others do not know these. Blocks over 1 MiB go
 * back at once: from there on the page faults do not show beside the computing, and below that they do.
 */
const SMALL_MALLOC = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 20),
};
/** ONNX Runtime would report its use to its maker, and keep a database for that in the user's home. */
const NO_TELEMETRY = { ORT_DISABLE_TELEMETRY: '1' };
/** Ends that someone wanted, the out-of-memory killer's included: such a device stays down until it is revived. */
const DELIBERATE: readonly (NodeJS.Signals | null)[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'];

export interface DeviceProcessEvents {
  started(): void;
  ended(exitCode: number | null, signal: string | null): void;
  log(message: string): void;
}

/** One device's process over its lives: started, killed, paused, revived, and started again when it crashed. */
export class DeviceProcess {
  readonly settings: DeviceSettings;
  readonly #events: DeviceProcessEvents;
  readonly #clock: Clock;
  #child: ChildProcess | null = null;
  #startedAt = 0;
  #revivedAt = Number.NEGATIVE_INFINITY;
  #crashes = 0;
  #takeBackRestart: (() => void) | null = null;
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

  /** Starts it, or lets it go on where it is paused. */
  revive(): Outcome {
    if (this.#child !== null) {
      this.#revivedAt = this.#clock.now();
      this.#child.kill('SIGCONT');
    } else {
      this.#start();
    }
    return { ok: true };
  }

  /** Resolves when it has ended. One that is down already is fine. */
  async kill(): Promise<Outcome> {
    this.#takeBackRestart?.();
    this.#takeBackRestart = null;
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

  /** Passes a fault on beside the network. */
  fault(fault: Fault): Promise<Outcome> {
    const child = this.#child;
    if (child === null) return Promise.resolve(notRunning(this.settings.name));
    const call = ++this.#calls;
    return new Promise((resolve) => {
      const takeBack = this.#clock.schedule(FAULT_TIMEOUT_MS, () =>
        settle({
          ok: false,
          code: 'no-answer',
          message: `${this.settings.name} does not answer: is it paused?`,
        }),
      );
      const settle = (outcome: Outcome) => {
        takeBack();
        this.#faultCalls.delete(call);
        resolve(outcome);
      };
      this.#faultCalls.set(call, settle);
      this.#tell(child, { kind: 'fault', call, fault });
    });
  }

  #start(): void {
    this.#takeBackRestart?.();
    this.#takeBackRestart = null;
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
    this.#tell(child, { kind: 'start', settings: this.settings });
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
    const crashed = signal === null ? exitCode !== 0 : !DELIBERATE.includes(signal);
    if (!crashed) return;
    if (this.#clock.now() - this.#startedAt > GOOD_WHILE_MS) this.#crashes = 0;
    const delayMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** Math.min(this.#crashes, 20));
    this.#crashes++;
    this.#events.log(`crashed (${signal ?? `exit code ${exitCode}`}); starts again in ${delayMs} ms`);
    this.#takeBackRestart = this.#clock.schedule(delayMs, () => this.#start());
  }

  #signal(signal: NodeJS.Signals): Outcome {
    if (this.#child === null) return notRunning(this.settings.name);
    this.#child.kill(signal);
    return { ok: true };
  }

  /** A child that has just ended takes no message; its exit says the rest. */
  #tell(child: ChildProcess, message: ToDeviceProcess): void {
    child.send(message, () => {});
  }
}

function notRunning(name: string): Outcome {
  return { ok: false, code: 'not-running', message: `${name} is down; revive it first` };
}
