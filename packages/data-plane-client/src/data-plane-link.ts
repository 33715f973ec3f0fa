/**
 * The main thread's end of the conversation with the data plane's worker thread. Starts it, starts it again when it
 * ends, and lets whoever owns the deployments send them anew.
 */
import { EventEmitter } from 'node:events';
import { ApiError } from '@sparewheel/protocol';
import type { CallMessage, DataPlaneCall, DataPlaneMessage, DataPlaneReplies } from './messages.ts';

/** The part of a Worker that the link talks to; a test puts its own in place. */
export interface DataPlaneThread {
  postMessage(message: CallMessage): void;
  on(event: 'message', listener: (message: DataPlaneMessage) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

type Views = Extract<DataPlaneMessage, { kind: 'views' }>;
type Happening = Extract<DataPlaneMessage, { kind: 'event' }>['event'];

interface LinkEvents {
  /** It listens, for the first time or again: it knows no deployment yet. */
  listening: [port: number];
  /** It ended unasked, and is started again in `delayMs`. */
  crashed: [reason: string, delayMs: number];
  /** It cannot listen: not worth another try the first time. */
  unable: [code: string, message: string];
  views: [views: Views];
  happening: [event: Happening];
  device: [device: Extract<DataPlaneMessage, { kind: 'device-known' }>['device']];
}

interface PendingCall {
  readonly resolve: (value: DataPlaneReplies[keyof DataPlaneReplies]) => void;
  readonly reject: (error: Error) => void;
}

/** Waits between starts: short at first, since deployments are down meanwhile. */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;
/** A life of this length was a good one: the next wait is short again. */
const GOOD_LIFE_MS = 10_000;
/** A call is answered at once, or something is wrong with the thread; but a deployment's local part must be loaded. */
const CALL_TIMEOUT_MS = 15_000;
const DEPLOY_TIMEOUT_MS = 120_000;

export class DataPlaneLink extends EventEmitter<LinkEvents> {
  readonly #start: (port: number | null) => Promise<DataPlaneThread> | DataPlaneThread;
  readonly #pending = new Map<number, PendingCall>();
  #thread: DataPlaneThread | null = null;
  /** What was said before anybody attended; null from then on. */
  #waiting: DataPlaneMessage[] | null = [];
  #port: number | null = null;
  #listening = false;
  #nextCall = 1;
  #stopping = false;
  #delayMs = RESTART_MIN_MS;
  #restart: NodeJS.Timeout | null = null;

  /**
   * @param start  makes a thread; `port` is the one that an earlier life listened on, which agents know, or null
   */
  constructor(start: (port: number | null) => Promise<DataPlaneThread> | DataPlaneThread) {
    super();
    this.#start = start;
  }

  /** null until it has listened once. */
  get port(): number | null {
    return this.#port;
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Starts the thread, which may take its time; what it says waits for `attend`. */
  async start(): Promise<void> {
    const thread = await this.#start(this.#port);
    this.#thread = thread;
    const startedAt = performance.now();
    let reason = 'it ended';
    thread.on('message', (message) => {
      if (this.#thread !== thread) return;
      if (this.#waiting === null) this.#receive(message);
      else this.#waiting.push(message);
    });
    thread.on('error', (error) => {
      reason = error.message;
    });
    thread.on('exit', (code) => {
      if (this.#thread !== thread) return;
      this.#thread = null;
      this.#listening = false;
      if (this.#waiting !== null) this.#waiting = [];
      this.#failAll();
      if (!this.#stopping) {
        this.#startAgain(reason === 'it ended' ? `exit code ${code}` : reason, performance.now() - startedAt);
      }
    });
  }

  /** Listeners are in place: they hear what was said since the start, and everything from now on. */
  attend(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const message of waiting) this.#receive(message);
  }

  /** @throws {ApiError} the data plane refuses, or is not there */
  call<C extends DataPlaneCall>(body: C): Promise<DataPlaneReplies[C['kind']]> {
    const thread = this.#thread;
    if (thread === null || !this.#listening) return Promise.reject(this.#absence());
    return new Promise((resolve, reject) => {
      const call = this.#nextCall++;
      const timeoutMs = body.kind === 'deploy' ? DEPLOY_TIMEOUT_MS : CALL_TIMEOUT_MS;
      const timer = setTimeout(() => {
        this.#pending.delete(call);
        reject(
          new ApiError(
            504,
            'data-plane-timeout',
            `The data plane did not answer "${body.kind}" within ${timeoutMs / 1000} s.`,
            'Ask again; if it stays so, restart Sparewheel.',
          ),
        );
      }, timeoutMs);
      timer.unref();
      this.#pending.set(call, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value as DataPlaneReplies[C['kind']]);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      thread.postMessage({ call, body });
    });
  }

  /** Lets it finish what it accepted, for at most `patienceMs`, and ends the thread. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const thread = this.#thread;
    if (thread === null) return;
    if (this.#listening) {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, patienceMs);
      });
      await Promise.race([this.call({ kind: 'stop' }).catch(() => {}), patience]);
      clearTimeout(timer);
    }
    await thread.terminate();
  }

  #receive(message: DataPlaneMessage): void {
    switch (message.kind) {
      case 'reply': {
        const pending = this.#pending.get(message.call);
        this.#pending.delete(message.call);
        if (message.ok) pending?.resolve(message.value);
        else {
          const { status, code, message: text, hint } = message.failure;
          pending?.reject(new ApiError(status, code, text, hint));
        }
        return;
      }
      case 'listening':
        this.#port = message.port;
        this.#listening = true;
        this.emit('listening', message.port);
        return;
      case 'failed':
        this.emit('unable', message.code, message.message);
        return;
      case 'device-known':
        this.emit('device', message.device);
        return;
      case 'event':
        this.emit('happening', message.event);
        return;
      case 'views':
        this.emit('views', message);
        return;
    }
  }

  #startAgain(reason: string, lifeMs: number): void {
    if (lifeMs >= GOOD_LIFE_MS) this.#delayMs = RESTART_MIN_MS;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(RESTART_MAX_MS, delayMs * 2);
    this.emit('crashed', reason, delayMs);
    this.#restart = setTimeout(() => {
      this.start().catch((error: Error) => this.#startAgain(error.message, 0));
    }, delayMs);
  }

  #failAll(): void {
    for (const pending of this.#pending.values()) pending.reject(this.#absence());
    this.#pending.clear();
  }

  #absence(): ApiError {
    return this.#stopping
      ? new ApiError(503, 'stopping', 'Sparewheel is stopping.', 'Ask again when it is back.')
      : new ApiError(
          503,
          'data-plane-starting',
          'The data plane is starting.',
          'Deployments come back by themselves; ask again in a second.',
        );
  }
}
