/**
 * Devices on this machine: one agent supervisor with N device processes, started again when it ends. It ends with
 * this process, whatever ends this process: its standard input is a pipe from here.
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
  /** The devices' folders are made in `devices/` of it. */
  readonly home: string;
  /** Told what a person should know. */
  readonly log: (line: string) => void;
}

/** Short at first: after this process was killed, its old agents need a moment to notice and let go of their folders. */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;
const GOOD_LIFE_MS = 10_000;
/** The agent's exit code for "another agent has the folder", and how often that is worth no mention. */
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
    // With --count 1 the agent takes the name as it is.
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
        // A group of its own: Ctrl-C in the terminal is ours to pass on, after what was accepted is finished.
        detached: true,
      },
    );
    this.#process = child;
    // Its end closes the pipe; that is said by 'exit'.
    child.stdin.on('error', () => {});
    let lastWords = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastWords = line;
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
        log(`The local fleet ended (${lastWords || reason}) and is started again.`);
      }
      this.#timer = setTimeout(() => this.start(), this.#delayMs);
      this.#delayMs = code === FOLDER_IN_USE ? RESTART_MIN_MS : Math.min(RESTART_MAX_MS, this.#delayMs * 2);
    };
    child.on('error', (error) => ended(error.message, null));
    child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`, code));
  }

  /** Asks it to end, and makes it after `patienceMs`. */
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

  /** At once, with every device process. */
  kill(): void {
    this.#stopping = true;
    const processId = this.#process?.pid;
    if (processId === undefined) return;
    try {
      // The whole group.
      process.kill(-processId, 'SIGKILL');
    } catch {
      this.#process?.kill('SIGKILL');
    }
  }
}

/** The agent's bundle where it has been built, which starts in a fraction of the time; its source otherwise. */
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

/** The join token travels in the environment, where other users cannot see it; no other secret goes along. */
function agentEnvironment(joinToken: string): NodeJS.ProcessEnv {
  const {
    SPAREWHEEL_OPERATOR_TOKEN: _operator,
    SPAREWHEEL_INFER_TOKEN: _infer,
    DATABASE_URL: _database,
    PORT: _port,
    DATA_PORT: _dataPort,
    ...environment
  } = process.env;
  return { ...environment, SPAREWHEEL_JOIN_TOKEN: joinToken };
}
