/** Starts Sparewheel as the README describes, in its own home directory, and uses its public interfaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DeploymentView, DeviceView, LatencyView } from '@sparewheel/protocol';

export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Ports {
  readonly control: number;
  readonly data: number;
  readonly grpc: number;
}

export interface StartOptions {
  /** Arguments after `npm start --`. */
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing home directory; default a new one. */
  readonly home?: string;
  readonly ports?: Ports;
  /** Does not wait for the demo deployment. */
  readonly withoutDemo?: boolean;
  /** Deploys the demo with its uncoded twin, as by default. The twin takes half of the devices' time. */
  readonly twin?: boolean;
}

/** Returns a port that is free now. Another process may take it before its use. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system assigned no port');
  return address.port;
}

/** Under load, deployments and devices take seconds to end. */
const STOP_TIMEOUT_MS = 60_000;

export class Product {
  readonly output: string[] = [];
  readonly tokens = {
    operator: 'operator-token-of-the-tests',
    infer: 'infer-token-of-the-tests',
    join: 'join-token-of-the-tests',
  };
  readonly #args: readonly string[];
  #process: ChildProcess;

  private constructor(
    readonly home: string,
    readonly ports: Ports,
    { args = [], environment = {}, twin = false }: StartOptions,
  ) {
    this.#args = twin ? args : [...args, '--no-twin'];
    this.#process = this.#spawn(environment);
  }

  /** Starts the product. Resolves when it serves the dashboard and, by default, the demo deployment is ready. */
  static async start(options: StartOptions = {}): Promise<Product> {
    const home = options.home ?? mkdtempSync(join(tmpdir(), 'sparewheel-e2e-'));
    const ports = options.ports ?? {
      control: await freePort(),
      data: await freePort(),
      grpc: await freePort(),
    };
    const product = new Product(home, ports, options);
    try {
      await product.#ready();
      if (!options.withoutDemo) await product.deploymentState('lenet5', 'ready');
      if (options.twin) await product.deploymentState('lenet5-uncoded', 'ready');
    } catch (error) {
      await product.stop();
      throw error;
    }
    return product;
  }

  /** Starts a stopped or killed product again, in the same home and on the same ports. */
  async restart(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#process = this.#spawn(environment);
    await this.#ready();
  }

  #spawn(environment: Readonly<Record<string, string>>): ChildProcess {
    return spawn('npm', ['start', '--', ...this.#args], {
      cwd: repositoryRoot,
      // Its own process group, so that a signal reaches all of its processes.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        // The test runner sets it in addition to NO_COLOR, and Node warns about the conflict.
        FORCE_COLOR: undefined,
        PORT: String(this.ports.control),
        DATA_PORT: String(this.ports.data),
        GRPC_PORT: String(this.ports.grpc),
        SPAREWHEEL_HOME: this.home,
        SPAREWHEEL_OPERATOR_TOKEN: this.tokens.operator,
        SPAREWHEEL_INFER_TOKEN: this.tokens.infer,
        SPAREWHEEL_JOIN_TOKEN: this.tokens.join,
        ...environment,
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.control}`;
  }

  get dataUrl(): string {
    return `http://127.0.0.1:${this.ports.data}`;
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const read = (line: string) => {
        this.output.push(line);
        if (line.includes('/?token=')) resolve();
      };
      for (const stream of [this.#process.stdout, this.#process.stderr]) {
        if (stream) createInterface({ input: stream }).on('line', read);
      }
      this.#process.once('exit', (code, signal) =>
        reject(new Error(`the product ended (${code ?? signal}):\n${this.output.join('\n')}`)),
      );
    });
  }

  async api<T = unknown>(
    path: string,
    init: RequestInit & { json?: unknown; token?: string | null } = {},
  ): Promise<{ status: number; body: T }> {
    const { json, token = this.tokens.operator, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    if (json !== undefined) headers.set('content-type', 'application/json');
    const response = await fetch(`${this.url}${path}`, {
      ...rest,
      headers,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
  }

  async devices(): Promise<readonly DeviceView[]> {
    return (await this.api<readonly DeviceView[]>('/api/devices')).body;
  }

  async deployment(name: string): Promise<DeploymentView> {
    return (await this.api<DeploymentView>(`/api/deployments/${name}`)).body;
  }

  async latency(name: string): Promise<LatencyView> {
    return (await this.api<LatencyView>(`/api/deployments/${name}/latency`)).body;
  }

  /** Returns the device that holds a seat. @throws {Error} the seat is empty */
  async holderOf(deployment: string, seat: number): Promise<DeviceView> {
    const { progress } = await this.deployment(deployment);
    const holder = progress.seats.find((each) => each.seat === seat)?.device;
    const device = (await this.devices()).find(({ id }) => id === holder);
    if (device === undefined) throw new Error(`seat ${seat} of ${deployment} is empty`);
    return device;
  }

  /** Injects a fault. @throws {Error} the product refuses it */
  async fault(
    device: string,
    fault: { readonly kind: string; readonly [parameter: string]: unknown },
  ): Promise<void> {
    const { status, body } = await this.api(`/api/devices/${device}/faults`, { method: 'POST', json: fault });
    if (status !== 202)
      throw new Error(`the fault ${fault.kind} was refused: ${status} ${JSON.stringify(body)}`);
  }

  /**
   * Polls until `probe` resolves with a value other than undefined and false. A probe may throw.
   * @param what  the expected state, for the error message
   */
  async eventually<T>(
    what: string,
    probe: () => Promise<T | undefined | false>,
    timeoutMs = 60_000,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    let last: unknown;
    while (performance.now() < deadline) {
      try {
        const found = await probe();
        if (found !== undefined && found !== false) return found;
      } catch (error) {
        last = error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(
      `timeout after ${timeoutMs} ms: ${what}${last ? ` (${String(last)})` : ''}\n${this.output.slice(-20).join('\n')}`,
    );
  }

  deploymentState(name: string, state: DeploymentView['state'], timeoutMs?: number): Promise<DeploymentView> {
    return this.eventually(
      `deployment ${name} ${state}`,
      async () => {
        const deployment = await this.deployment(name);
        return deployment.state === state && deployment;
      },
      timeoutMs,
    );
  }

  /** Sends SIGINT to the process group, as Ctrl-C does, and waits for the exit. @throws {Error} it does not end */
  async stop(): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
    if (this.#running) {
      const ended = once(this.#process, 'exit');
      process.kill(-(this.#process.pid ?? 0), 'SIGINT');
      const timer = setTimeout(() => {
        this.output.push(`not ended ${STOP_TIMEOUT_MS} ms after SIGINT`);
        process.kill(-(this.#process.pid ?? 0), 'SIGKILL');
      }, STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
      if (this.#process.signalCode === 'SIGKILL')
        throw new Error(`the product did not stop:\n${this.output.slice(-20).join('\n')}`);
    }
    return { exitCode: this.#process.exitCode, signal: this.#process.signalCode };
  }

  /** Kills the control plane's process, and no other process. */
  async killControlPlane(): Promise<void> {
    const processes = await this.api<{ processId: number }>('/api/health');
    process.kill(processes.body.processId, 'SIGKILL');
    if (this.#running) await once(this.#process, 'exit');
  }

  get #running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  removeHome(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
