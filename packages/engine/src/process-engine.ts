import { type ChildProcess, fork } from 'node:child_process';
import type { Tensor } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import {
  type Engine,
  EngineError,
  type EngineOptions,
  type LoadedModel,
  type LoadOptions,
  type ModelSource,
  type RunResult,
} from './engine.ts';
import type {
  WorkerCall,
  WorkerCommand,
  WorkerReply,
  WorkerResult,
  WorkerSettings,
} from './worker-messages.ts';

/** The longest run without a limit of its own. */
const LONGEST_RUN_MS = 60_000;
/** Time for a child process to start and to load a model. */
const START_MS = 60_000;
/** How long accepted calls may take to finish when the engine closes. */
const CLOSE_MS = 1_000;

interface Call {
  readonly number: number;
  readonly command: WorkerCommand;
  /** Settles with the call. */
  readonly done: Promise<WorkerResult>;
  readonly resolve: (result: WorkerResult) => void;
  readonly reject: (error: EngineError) => void;
  readonly timer: NodeJS.Timeout;
}

interface Child {
  readonly process: ChildProcess;
  /** Keys that this process was asked to load. */
  readonly loaded: Set<string>;
}

/**
 * Runs models in a child process, and ends the process if a run takes too long. Native code cannot be stopped in a
 * thread. The next call starts a new process, which loads its models again.
 *
 * The process gets one call at a time. A call that waits too long is then never started, and no other call has to be
 * repeated when a run is ended.
 */
export class ProcessEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #settings: WorkerSettings;
  readonly #models = new Map<string, { readonly source: ModelSource; readonly options: LoadOptions }>();
  readonly #queue: Call[] = [];
  /** The call that the process executes. */
  #current: Call | null = null;
  #child: Child | null = null;
  #calls = 0;
  #closed = false;

  /** Starts no process before the first call. @param backend  the backend that this machine has */
  constructor(backend: 'native' | 'wasm', { intraOpNumThreads = 1 }: EngineOptions = {}) {
    this.backend = backend;
    this.#settings = { backend, intraOpNumThreads };
  }

  /** The child process; undefined if none runs. */
  get processId(): number | undefined {
    return this.#child?.process.pid;
  }

  async load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    if (!this.#models.has(key)) this.#models.set(key, { source, options });
    try {
      return (await this.#call({ kind: 'load', key, ...this.#models.get(key)! }, START_MS)) as LoadedModel;
    } catch (error) {
      this.#models.delete(key);
      throw error;
    }
  }

  /**
   * As `Engine.run`.
   * @param timeoutMs  from the call to its result, including the calls before it
   * @throws {EngineError} `timed-out`, too
   */
  async run(
    key: string,
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    _into?: readonly Tensor[],
    timeoutMs = LONGEST_RUN_MS,
  ): Promise<RunResult> {
    // Copies: the caller may reuse its tensors while the call waits.
    const copies = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { type, dims, data: data.slice() }]),
    ) as Record<string, Tensor>;
    return (await this.#call({ kind: 'run', key, feeds: copies, fetches }, timeoutMs)) as RunResult;
  }

  async unload(key: string): Promise<void> {
    this.#models.delete(key);
    if (this.#child?.loaded.delete(key)) await this.#call({ kind: 'unload', key }, START_MS);
  }

  /** Finishes accepted calls, but not a run that does not end. */
  async close(): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    const accepted = this.#current === null ? this.#queue : [this.#current, ...this.#queue];
    await Promise.race([patience, Promise.allSettled(accepted.map(({ done }) => done))]);
    clearTimeout(timer);
    for (const call of this.#queue.splice(0)) settle(call).reject(closed());
    this.#endCurrent(closed());
    this.#endProcess();
  }

  #call(command: WorkerCommand, timeoutMs: number): Promise<WorkerResult> {
    if (this.#closed) return Promise.reject(closed());
    const call = this.#newCall(command, timeoutMs);
    this.#queue.push(call);
    this.#next();
    return call.done;
  }

  #newCall(command: WorkerCommand, timeoutMs: number): Call {
    let settlers!: Pick<Call, 'resolve' | 'reject'>;
    const done = new Promise<WorkerResult>((resolve, reject) => {
      settlers = { resolve, reject };
    });
    const number = ++this.#calls;
    const call: Call = {
      number,
      command,
      done,
      timer: setTimeout(() => this.#timedOut(call), timeoutMs),
      ...settlers,
    };
    return call;
  }

  /** Sends the next call, or first the model that it needs in a new process. */
  #next(): void {
    if (this.#current !== null) return;
    const [first] = this.#queue;
    if (first === undefined) {
      if (this.#models.size === 0) this.#endProcess();
      return;
    }
    const child = this.#running();
    const { command } = first;
    const model = command.kind === 'run' ? this.#models.get(command.key) : undefined;
    if (command.kind === 'run' && model !== undefined && !child.loaded.has(command.key)) {
      this.#current = this.#newCall({ kind: 'load', key: command.key, ...model }, START_MS);
      // The run reports why there is no model.
      this.#current.done.catch(() => {});
    } else {
      this.#current = this.#queue.shift()!;
    }
    const current = this.#current;
    if (current.command.kind === 'load') child.loaded.add(current.command.key);
    const message: WorkerCall = { call: current.number, command: current.command };
    // A send to an ended process fails. Its `exit` rejects the call.
    child.process.send(message, () => {});
  }

  #running(): Child {
    if (this.#child !== null) return this.#child;
    const { process: entry } = siblingEntry(import.meta.url, {
      source: './engine-process.ts',
      bundled: './engine-process.js',
    });
    const process = fork(entry.path, [JSON.stringify(this.#settings)], {
      execArgv: entry.execArgv,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const child: Child = { process, loaded: new Set() };
    process.on('message', (reply: WorkerReply) => this.#receive(child, reply));
    // `exit` follows. Without a listener, a failed send would end this process.
    process.on('error', () => {});
    process.on('exit', (code, signal) => this.#crashed(child, `${signal ?? `exit code ${code}`}`));
    this.#child = child;
    return child;
  }

  #receive(child: Child, reply: WorkerReply): void {
    if (this.#child !== child) return;
    if (reply.kind === 'unavailable') {
      this.#endProcess();
      this.#endCurrent(crashed(reply.message));
    } else if (reply.kind === 'result' || reply.kind === 'error') {
      const call = this.#current;
      if (reply.call !== call?.number) return;
      this.#current = null;
      if (reply.kind === 'result') settle(call).resolve(reply.result);
      else settle(call).reject(new EngineError(reply.code, reply.message));
    }
    this.#next();
  }

  #timedOut(call: Call): void {
    const error = new EngineError('timed-out', 'the computation did not end within its time and was ended');
    if (call === this.#current) {
      this.#endProcess();
      this.#endCurrent(error);
      this.#next();
      return;
    }
    this.#queue.splice(this.#queue.indexOf(call), 1);
    call.reject(error);
  }

  #crashed(child: Child, reason: string): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#endCurrent(crashed(reason));
    this.#next();
  }

  #endCurrent(error: EngineError): void {
    const call = this.#current;
    this.#current = null;
    if (call !== null) settle(call).reject(error);
  }

  #endProcess(): void {
    const child = this.#child;
    this.#child = null;
    child?.process.kill('SIGKILL');
  }
}

/** Stops the time limit of a call, which is about to be settled. */
function settle(call: Call): Call {
  clearTimeout(call.timer);
  return call;
}

function closed(): EngineError {
  return new EngineError('closed', 'the engine is closed');
}

function crashed(reason: string): EngineError {
  return new EngineError('worker-crashed', `the engine process ended: ${reason}`);
}
