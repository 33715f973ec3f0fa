import { join } from 'node:path';
import type { Coordinator, Installer, LocalCompute, SeatTask, Transport } from '@sparewheel/coordinator';
import type { Engine } from '@sparewheel/engine';
import type { Artifact } from '@sparewheel/planner';
import type { CancelRequest, ComputeRequest, Tensor } from '@sparewheel/protocol';

/** How a device of an engine fleet computes. */
export interface DeviceKind {
  readonly engine: 'native' | 'wasm';
  /** Delay of each answer in milliseconds, beside the computation. */
  readonly slowMs: number;
}

interface FleetDevice {
  readonly kind: DeviceKind;
  readonly tasks: Map<number, SeatTask>;
  alive: boolean;
  /** Counts the runs of its process: an answer of an earlier run is lost. */
  run: number;
  /** Changes an answer before it is sent; null for an honest device. */
  corrupt: ((tensors: readonly Tensor[]) => readonly Tensor[]) | null;
}

/**
 * A fleet in this process whose devices compute with ONNX Runtime, natively or on WebAssembly, as real devices load and
 * run their artifacts. It is also the coordinator's transport, installer and local engine. There are no sockets.
 */
export class EngineFleet implements Transport, Installer, LocalCompute {
  readonly #devices = new Map<string, FleetDevice>();
  #coordinator: Coordinator | null = null;

  /** @param directory  holds the blobs, named by their SHA-256 */
  constructor(
    readonly engines: Readonly<Record<'native' | 'wasm' | 'dataPlane', Engine>>,
    readonly directory: string,
  ) {}

  listen(coordinator: Coordinator): void {
    this.#coordinator = coordinator;
  }

  add(id: string, kind: DeviceKind): void {
    this.#devices.set(id, { kind, tasks: new Map(), alive: false, run: 0, corrupt: null });
    this.revive(id);
  }

  revive(id: string): void {
    this.#device(id).alive = true;
    this.#coordinator!.deviceConnected(id);
  }

  kill(id: string): void {
    const device = this.#device(id);
    device.alive = false;
    device.run++;
    device.tasks.clear();
    this.#coordinator!.deviceDisconnected(id, 'transport close');
  }

  /** Makes a device answer wrongly. */
  corrupt(id: string, change: FleetDevice['corrupt']): void {
    this.#device(id).corrupt = change;
  }

  scatter(devices: readonly string[], request: ComputeRequest): void {
    for (const id of devices) {
      const device = this.#device(id);
      if (device.alive) void this.#compute(id, device, request);
    }
  }

  cancel(_devices: readonly string[], _request: CancelRequest): void {}

  async install(id: string, tasks: readonly SeatTask[]): Promise<void> {
    const device = this.#device(id);
    const { run } = device;
    for (const task of tasks) await this.#load(this.engines[device.kind.engine], task.artifact);
    if (device.run !== run) throw new Error(`${id} is not connected`);
    for (const task of tasks) device.tasks.set(task.task, task);
  }

  uninstall(id: string, tasks: readonly SeatTask[]): void {
    for (const { task } of tasks) this.#device(id).tasks.delete(task);
  }

  async run(
    artifact: Artifact,
    names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] },
    feeds: readonly Tensor[],
  ): Promise<readonly Tensor[]> {
    return this.#runOn(this.engines.dataPlane, artifact, names, feeds);
  }

  async #compute(id: string, device: FleetDevice, request: ComputeRequest): Promise<void> {
    const { run } = device;
    const head = { request: request.request, task: request.task };
    const task = device.tasks.get(request.task);
    const engine = this.engines[device.kind.engine];
    let tensors: readonly Tensor[] | null = null;
    let message = `task ${request.task} is not loaded`;
    try {
      if (task) tensors = await this.#runOn(engine, task.artifact, task, request.tensors);
    } catch (error) {
      message = error instanceof Error ? error.message : String(error);
    }
    if (device.kind.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, device.kind.slowMs));
    if (device.run !== run) return;
    if (tensors === null) {
      const code = task ? 'run-failed' : 'unknown-task';
      this.#coordinator!.receive(id, { kind: 'refusal', ...head, code, message });
      return;
    }
    if (device.corrupt !== null) tensors = device.corrupt(tensors);
    this.#coordinator!.receive(id, { kind: 'answer', ...head, computeMicros: 100, tensors });
  }

  async #runOn(
    engine: Engine,
    artifact: Artifact,
    names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] },
    feeds: readonly Tensor[],
  ): Promise<readonly Tensor[]> {
    const loaded = this.#load(engine, artifact);
    const named = Object.fromEntries(names.feeds.map((name, at) => [name, feeds[at]!]));
    await loaded;
    const { fetches } = await engine.run(artifact.graph.sha256, named, names.fetches);
    return names.fetches.map((name) => fetches[name]!);
  }

  /** Loads an artifact as devices do. */
  async #load(engine: Engine, { graph, weights }: Artifact): Promise<void> {
    const source = { kind: 'file', path: join(this.directory, graph.sha256) } as const;
    await engine.load(
      graph.sha256,
      weights === null ? source : { ...source, externalData: [weights.sha256] },
      { mapped: weights !== null },
    );
  }

  #device(id: string): FleetDevice {
    const device = this.#devices.get(id);
    if (!device) throw new Error(`there is no device ${id} in this fleet`);
    return device;
  }
}
