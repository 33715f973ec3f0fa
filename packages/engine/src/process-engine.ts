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

interface Pending {
  readonly command: WorkerCommand;
  /** Settles with the call. */
  readonly done: Promise<WorkerResult>;
  readonly resolve: (result: WorkerResult) => void;
  readonly reject: (error: EngineError) => void;
  readonly timer: NodeJS.Timeout;
}

interface Child {
  readonly process: ChildProcess;
  /** Calls in the order in which the child executes them. */
  readonly pending: Map<number, Pending>;
  /** Keys that this child has loaded, or is loading. */
  readonly loaded: Set<string>;
}

/**
 * Runs models in a child process, and ends the process if a run takes too long. Native code cannot be stopped in a
 * thread. The next call starts a new process, which loads its models again. The other pending calls are repeated there.
 */
export class ProcessEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #settings: WorkerSettings;
  readonly #models = new Map<string, { readonly source: ModelSource; readonly options: LoadOptions }>();
  #child: Child | null = null;
  #calls = 0;
  #closed = false;

  /** Starts no process before the first model. @param backend  the backend of the machine, measured elsewhere */
  constructor(backend: 'native' | 'wasm', { intraOpNumThreads = 1 }: EngineOptions = {}) {
    this.backend = backend;
    this.#settings = { backend, intraOpNumThreads };
  }

  /** The child process; undefined if none runs. */
  get processId(): number | undefined {
    return this.#child?.process.pid;
  }

  async load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    const { source: kept, options: keptOptions } = this.#models.get(key) ?? { source, options };
    this.#models.set(key, { source: kept, options: keptOptions });
    try {
      return (await this.#load(key)) as LoadedModel;
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
    if (this.#models.has(key) && !this.#child?.loaded.has(key)) void this.#load(key).catch(() => {});
    // Copies: the caller may reuse its tensors before the process receives them, or after a repetition.
    const copies = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { type, dims, data: data.slice() }]),
    ) as Record<string, Tensor>;
    return (await this.#call({ kind: 'run', key, feeds: copies, fetches }, timeoutMs)) as RunResult;
  }

  async unload(key: string): Promise<void> {
    this.#models.delete(key);
    if (!this.#child?.loaded.delete(key)) return;
    if (this.#models.size > 0) await this.#call({ kind: 'unload', key }, START_MS);
    else if (this.#child.pending.size === 0) this.#end(this.#child);
  }

  /** Finishes accepted calls, but not a run that does not end. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    if (child === null) return;
    if (child.pending.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([patience, Promise.allSettled([...child.pending.values()].map(({ done }) => done))]);
      clearTimeout(timer);
    }
    this.#end(child);
    for (const { reject, timer } of child.pending.values()) {
      clearTimeout(timer);
      reject(new EngineError('closed', 'the engine is closed'));
    }
    child.pending.clear();
  }

  #load(key: string): Promise<WorkerResult> {
    const { source, options } = this.#models.get(key)!;
    const loading = this.#call({ kind: 'load', key, source, options }, START_MS);
    this.#child?.loaded.add(key);
    return loading;
  }

  #call(command: WorkerCommand, timeoutMs: number): Promise<WorkerResult> {
    if (this.#closed) return Promise.reject(new EngineError('closed', 'the engine is closed'));
    const call = ++this.#calls;
    const child = this.#running();
    let settle!: Pick<Pending, 'resolve' | 'reject'>;
    const done = new Promise<WorkerResult>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const timer = setTimeout(() => this.#timedOut(call), timeoutMs);
    child.pending.set(call, { command, done, timer, ...settle });
    post(child, call, command);
    return done;
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
    const child: Child = { process, pending: new Map(), loaded: new Set() };
    process.on('message', (reply: WorkerReply) => this.#receive(child, reply));
    // `exit` follows. Without a listener, a failed send would end this process.
    process.on('error', () => {});
    process.on('exit', (code, signal) => this.#ended(child, `${signal ?? `exit code ${code}`}`));
    this.#child = child;
    return child;
  }

  #receive(child: Child, reply: WorkerReply): void {
    if (reply.kind === 'unavailable') {
      this.#ended(child, reply.message);
      this.#end(child);
    }
    if (reply.kind !== 'result' && reply.kind !== 'error') return;
    const pending = child.pending.get(reply.call);
    if (pending === undefined) return;
    child.pending.delete(reply.call);
    clearTimeout(pending.timer);
    if (reply.kind === 'result') pending.resolve(reply.result);
    else pending.reject(new EngineError(reply.code, reply.message));
  }

  /** Fails a call. If the process is computing it, another process takes over the rest. */
  #timedOut(call: number): void {
    const child = this.#child;
    const pending = child?.pending.get(call);
    if (!child || pending === undefined) return;
    const [computing] = child.pending.keys();
    child.pending.delete(call);
    pending.reject(new EngineError('timed-out', 'the computation did not end within its time and was ended'));
    if (call !== computing) return;
    const rest = [...child.pending];
    child.pending.clear();
    this.#end(child);
    if (rest.length === 0) return;
    const next = this.#running();
    for (const [each, waiting] of rest) {
      const { command } = waiting;
      if (command.kind === 'run' && this.#models.has(command.key) && !next.loaded.has(command.key))
        void this.#load(command.key).catch(() => {});
      if (command.kind === 'load') next.loaded.add(command.key);
      next.pending.set(each, waiting);
      post(next, each, command);
    }
  }

  #end(child: Child): void {
    if (this.#child === child) this.#child = null;
    child.process.kill('SIGKILL');
  }

  #ended(child: Child, reason: string): void {
    if (this.#child === child) this.#child = null;
    for (const { reject, timer } of child.pending.values()) {
      clearTimeout(timer);
      reject(new EngineError('worker-crashed', `the engine process ended: ${reason}`));
    }
    child.pending.clear();
  }
}

function post({ process }: Child, call: number, command: WorkerCommand): void {
  const message: WorkerCall = { call, command };
  // A send to an ended process fails. Its `exit` rejects the call.
  process.send(message, () => {});
}
