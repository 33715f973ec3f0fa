/**
 * The main thread's end of the channel to the data plane's worker thread. Starts the thread and restarts it when it
 * ends. The owner of the deployments sends them again on `listening`.
 */
import { EventEmitter } from 'node:events';
import { ApiError } from '@sparewheel/protocol';
import type { CallMessage, DataPlaneCall, DataPlaneMessage, DataPlaneReplies } from './messages.ts';

/** The part of a Worker that the link uses. Tests replace it. */
export interface DataPlaneThread {
  postMessage(message: CallMessage): void;
  on(event: 'message', listener: (message: DataPlaneMessage) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

type Views = Extract<DataPlaneMessage, { kind: 'views' }>;
type Answers = Extract<DataPlaneMessage, { kind: 'answers' }>['update'];
type Happening = Extract<DataPlaneMessage, { kind: 'event' }>['event'];

interface LinkEvents {
  /** The data plane listens, after each start. It has no deployments yet. */
  listening: [port: number];
  /** The data plane ended unexpectedly, and restarts in `delayMs`. */
  crashed: [reason: string, delayMs: number];
  /** The data plane cannot listen. */
  unable: [code: string, message: string];
  views: [views: Views];
  answers: [update: Answers];
  happening: [event: Happening];
  blobDamaged: [sha256: string];
  device: [device: Extract<DataPlaneMessage, { kind: 'device-known' }>['device']];
}

interface PendingCall {
  readonly resolve: (value: DataPlaneReplies[keyof DataPlaneReplies]) => void;
  readonly reject: (error: Error) => void;
}

/** Delays before a restart. Short at first, because deployments are down until then. */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;
/** After a run of this length, the next delay is short again. */
const GOOD_LIFE_MS = 10_000;
/** A healthy thread answers at once, but a deployment's local part must be loaded. */
const CALL_TIMEOUT_MS = 15_000;
const DEPLOY_TIMEOUT_MS = 120_000;

export class DataPlaneLink extends EventEmitter<LinkEvents> {
  readonly #start: (port: number | null) => Promise<DataPlaneThread> | DataPlaneThread;
  readonly #pending = new Map<number, PendingCall>();
  #thread: DataPlaneThread | null = null;
  /** Messages received before `attend`; null after it. */
  #waiting: DataPlaneMessage[] | null = [];
  #port: number | null = null;
  #grpcPort: number | null = null;
  #listening = false;
  #nextCall = 1;
  #stopping = false;
  #delayMs = RESTART_MIN_MS;
  #restart: NodeJS.Timeout | null = null;

  /**
   * @param start  starts a thread. `port` is the port of the previous thread, which the agents know, or null
   */
  constructor(start: (port: number | null) => Promise<DataPlaneThread> | DataPlaneThread) {
    super();
    this.#start = start;
  }

  /** null before the data plane has listened. */
  get port(): number | null {
    return this.#port;
  }

  /** The port of inference over gRPC; null without gRPC, and before the data plane has listened. */
  get grpcPort(): number | null {
    return this.#grpcPort;
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Starts the thread. Its messages wait for `attend`. */
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

  /** Emits the messages received so far, and every later one. Call it when all listeners are added. */
  attend(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const message of waiting) this.#receive(message);
  }

  /** Calls a function of the data plane. @throws {ApiError} the data plane refuses, or is not running */
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
            'Try again. If the error remains, restart Sparewheel.',
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

  /** Waits at most `patienceMs` for accepted requests, then ends the thread. */
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
        this.#grpcPort = message.grpcPort;
        this.#listening = true;
        this.emit('listening', message.port);
        return;
      case 'failed':
        this.emit('unable', message.code, message.message);
        return;
      case 'blob-damaged':
        this.emit('blobDamaged', message.sha256);
        return;
      case 'device-known':
        this.emit('device', message.device);
        return;
      case 'event':
        this.emit('happening', message.event);
        return;
      case 'answers':
        this.emit('answers', message.update);
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
      ? new ApiError(503, 'stopping', 'Sparewheel is stopping.', 'Try again when it is back.')
      : new ApiError(
          503,
          'data-plane-starting',
          'The data plane is starting.',
          'Deployments come back by themselves. Try again in a second.',
        );
  }
}
