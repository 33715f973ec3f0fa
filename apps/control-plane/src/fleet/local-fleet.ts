/**
 * Devices on this machine: an agent supervisor with N device processes, restarted when it ends. Its standard input is a
 * pipe from this process, so it ends with this process, even after a kill.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { siblingEntry } from '@sparewheel/runtime/entry';

export interface LocalFleetOptions {
  /** The data plane's address. */
  readonly url: string;
  readonly joinToken: string;
  readonly count: number;
  /** The devices' folders are in its `devices/`. */
  readonly home: string;
  /** Tells the person who started Sparewheel. */
  readonly log: (line: string) => void;
}

/** Short at first: after a kill of this process, the old agents need a moment to end and release their folders. */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;
const GOOD_LIFE_MS = 10_000;
/** The agent's exit code for "another agent uses the folder", and how many of those are not reported. */
const FOLDER_IN_USE = 3;
const QUIET_RESTARTS = 20;

export class LocalFleet {
  readonly #options: LocalFleetOptions;
  #process: ChildProcess | null = null;
  #stopping = false;
  #delayMs = RESTART_MIN_MS;
  #restarts = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LocalFleetOptions) {
    this.#options = options;
  }

  start(): void {
    const { url, joinToken, count, home, log } = this.#options;
    const { path, execArgv } = agentProgram();
    const startedAt = performance.now();
    // With --count 1 the agent does not number the name.
    const name = count === 1 ? 'local-1' : 'local';
    const child = spawn(
      process.execPath,
      [
        ...execArgv,
        path,
        '--url',
        url,
        '--count',
        String(count),
        '--name',
        name,
        '--home',
        home,
        '--with-parent',
      ],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
        env: agentEnvironment(joinToken),
        // Its own process group: this process passes Ctrl-C on after accepted requests are finished.
        detached: true,
      },
    );
    this.#process = child;
    // The end of the process closes the pipe; 'exit' reports it.
    child.stdin.on('error', () => {});
    let lastMessage = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastMessage = line;
      if (!line.includes('is in use by')) log(line);
    });
    const ended = (reason: string, code: number | null) => {
      if (this.#process !== child) return;
      this.#process = null;
      if (this.#stopping) return;
      const lifeMs = performance.now() - startedAt;
      if (lifeMs >= GOOD_LIFE_MS) {
        this.#delayMs = RESTART_MIN_MS;
        this.#restarts = 0;
      }
      this.#restarts++;
      if (code !== FOLDER_IN_USE || this.#restarts > QUIET_RESTARTS) {
        log(`The local fleet ended (${lastMessage || reason}). It restarts.`);
      }
      this.#timer = setTimeout(() => this.start(), this.#delayMs);
      this.#delayMs = code === FOLDER_IN_USE ? RESTART_MIN_MS : Math.min(RESTART_MAX_MS, this.#delayMs * 2);
    };
    child.on('error', (error) => ended(error.message, null));
    child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`, code));
  }

  /** Ends the fleet with SIGTERM, and with SIGKILL after `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const timer = setTimeout(() => this.kill(), patienceMs);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  }

  /** Kills the fleet with every device process. */
  kill(): void {
    this.#stopping = true;
    const processId = this.#process?.pid;
    if (processId === undefined) return;
    try {
      // The whole process group.
      process.kill(-processId, 'SIGKILL');
    } catch {
      this.#process?.kill('SIGKILL');
    }
  }
}

/** Returns the agent's bundle if it is built, because it starts much faster; otherwise its source. */
function agentProgram(): { readonly path: string; readonly execArgv: readonly string[] } {
  const bundle = fileURLToPath(
    new URL(
      import.meta.url.endsWith('.ts') ? '../../../agent/dist/agent.js' : '../../agent/dist/agent.js',
      import.meta.url,
    ),
  );
  if (existsSync(bundle)) return { path: bundle, execArgv: [] };
  return siblingEntry(import.meta.url, {
    source: '../../../agent/src/agent.ts',
    bundled: '../../agent/dist/agent.js',
  }).process;
}

/** Passes the join token in the environment, which other users cannot read, and no other secret. */
function agentEnvironment(joinToken: string): NodeJS.ProcessEnv {
  const {
    SPAREWHEEL_OPERATOR_TOKEN: _operator,
    SPAREWHEEL_INFER_TOKEN: _infer,
    SPAREWHEEL_METRICS_TOKEN: _metrics,
    DATABASE_URL: _database,
    PORT: _port,
    DATA_PORT: _dataPort,
    GRPC_PORT: _grpcPort,
    ...environment
  } = process.env;
  return { ...environment, SPAREWHEEL_JOIN_TOKEN: joinToken };
}
