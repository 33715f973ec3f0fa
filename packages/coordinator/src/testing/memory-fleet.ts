import type { Artifact } from '@sparewheel/planner';
import type { CancelRequest, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import type {
  Clock,
  DeviceId,
  Installer,
  InstallProgress,
  LocalCompute,
  SeatTask,
  Transport,
} from '../ports.ts';

/** Computes an artifact's outputs; stands in for ONNX Runtime on devices and on the data plane alike. */
export type Kernel = (artifact: Artifact, feeds: readonly Tensor[]) => readonly Tensor[];

/** How one in-memory device behaves; change it at any time. Times in milliseconds. */
export interface DeviceBehaviour {
  /** One way, each way. */
  networkMs: number;
  computeMs: number;
  /** Nothing gets through to it, or from it. */
  deaf: boolean;
  mute: boolean;
  /** It takes messages and computes nothing until it is resumed. */
  paused: boolean;
  /** Answers that it loses from now on. */
  dropNext: number;
  /** Changes what it answers; null leaves the answer as it is. */
  tamper: ((message: FromDevice) => FromDevice | readonly FromDevice[]) | null;
  /** Refuses every computation with this code. */
  refuse: string | null;
  installMs: number;
  /** Installs that fail from now on. */
  failInstalls: number;
}

const HEALTHY: DeviceBehaviour = {
  networkMs: 1,
  computeMs: 1,
  deaf: false,
  mute: false,
  paused: false,
  dropNext: 0,
  tamper: null,
  refuse: null,
  installMs: 10,
  failInstalls: 0,
};

/** What hears from the devices: the coordinator, or a test. */
export interface FleetListener {
  deviceConnected(id: DeviceId): void;
  deviceDisconnected(id: DeviceId, reason: string): void;
  receive(id: DeviceId, message: FromDevice): void;
}

interface Life {
  readonly tasks: Map<number, SeatTask>;
  readonly queue: ComputeRequest[];
  computing: boolean;
}

export class MemoryDevice {
  readonly behaviour: DeviceBehaviour;
  /** sha-256 of the blobs on its disk; they outlive the process. */
  readonly blobs = new Set<string>();
  /** Everything that was delivered to it, for tests to look at. */
  readonly computed: ComputeRequest[] = [];
  readonly cancelled: CancelRequest[] = [];
  /** null while the process is dead. */
  life: Life | null = null;
  installs = 0;
  transferredBytes = 0;

  constructor(
    readonly id: DeviceId,
    behaviour: Partial<DeviceBehaviour>,
  ) {
    this.behaviour = { ...HEALTHY, ...behaviour };
  }
}

/**
 * Devices in memory, under a fake clock: they hold blobs, load tasks, compute one request after the other, and fail
 * as they are told to. Serves as the coordinator's transport, installer and local compute.
 */
export class MemoryFleet implements Transport, Installer, LocalCompute {
  readonly #devices = new Map<DeviceId, MemoryDevice>();
  #listener: FleetListener | null = null;
  /** The data plane's own engine. */
  readonly local = { computeMs: 1, failNext: 0, runs: [] as Artifact[] };

  constructor(
    readonly clock: Clock,
    readonly kernel: Kernel,
  ) {}

  listen(listener: FleetListener): void {
    this.#listener = listener;
  }

  device(id: DeviceId): MemoryDevice {
    const device = this.#devices.get(id);
    if (!device) throw new Error(`there is no device ${id} in this fleet`);
    return device;
  }

  get devices(): readonly MemoryDevice[] {
    return [...this.#devices.values()];
  }

  /** Makes a device and starts it. */
  add(id: DeviceId, behaviour: Partial<DeviceBehaviour> = {}): MemoryDevice {
    const device = new MemoryDevice(id, behaviour);
    this.#devices.set(id, device);
    this.revive(id);
    return device;
  }

  /** The process starts: its disk is as it was, nothing is loaded. */
  revive(id: DeviceId): void {
    const device = this.device(id);
    if (device.life) return;
    device.life = { tasks: new Map(), queue: [], computing: false };
    this.#listener?.deviceConnected(id);
  }

  /** The process ends at once; the connection's end is noticed after `noticedAfterMs`. */
  kill(id: DeviceId, noticedAfterMs = 0): void {
    const device = this.device(id);
    const { life } = device;
    if (!life) return;
    device.life = null;
    const notice = () => {
      if (device.life === null) this.#listener?.deviceDisconnected(id, 'transport close');
    };
    if (noticedAfterMs === 0) notice();
    else this.clock.schedule(noticedAfterMs, notice);
  }

  /** Nothing gets through, and nobody notices. */
  partition(id: DeviceId): void {
    Object.assign(this.device(id).behaviour, { deaf: true, mute: true });
  }

  heal(id: DeviceId): void {
    const device = this.device(id);
    Object.assign(device.behaviour, {
      deaf: false,
      mute: false,
      paused: false,
      dropNext: 0,
      tamper: null,
      refuse: null,
    });
    if (device.life) this.#work(device, device.life);
  }

  pause(id: DeviceId): void {
    this.device(id).behaviour.paused = true;
  }

  holds(id: DeviceId, sha256: string): boolean {
    return this.#devices.get(id)?.blobs.has(sha256) ?? false;
  }

  scatter(devices: readonly DeviceId[], request: ComputeRequest): void {
    for (const id of devices) {
      this.#deliver(id, (device, life) => {
        device.computed.push(request);
        life.queue.push(request);
        this.#work(device, life);
      });
    }
  }

  cancel(devices: readonly DeviceId[], request: CancelRequest): void {
    for (const id of devices) {
      this.#deliver(id, (device, life) => {
        device.cancelled.push(request);
        const index = life.queue.findIndex(
          (queued) => queued.request === request.request && queued.task === request.task,
        );
        // The one that is being computed cannot be stopped.
        if (index > 0 || (index === 0 && !life.computing)) life.queue.splice(index, 1);
      });
    }
  }

  async install(
    id: DeviceId,
    tasks: readonly SeatTask[],
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: InstallProgress) => void },
  ): Promise<void> {
    const device = this.#devices.get(id);
    const life = device?.life;
    if (!device || !life) throw new Error(`${id} is not connected`);
    device.installs++;
    const blobs = new Map<string, number>();
    for (const { artifact } of tasks) {
      for (const blob of [artifact.graph, artifact.weights]) {
        if (blob && !device.blobs.has(blob.sha256)) blobs.set(blob.sha256, blob.bytes);
      }
    }
    const totalBytes = [...blobs.values()].reduce((sum, bytes) => sum + bytes, 0);
    options.onProgress({ sentBytes: 0, totalBytes });
    await this.#sleep(device.behaviour.installMs, options.signal);
    if (device.life !== life) throw new Error(`${id} was lost during the transfer`);
    if (device.behaviour.failInstalls > 0) {
      device.behaviour.failInstalls--;
      throw new Error(`${id} could not load its tasks`);
    }
    for (const sha256 of blobs.keys()) device.blobs.add(sha256);
    device.transferredBytes += totalBytes;
    options.onProgress({ sentBytes: totalBytes, totalBytes });
    for (const task of tasks) life.tasks.set(task.task, task);
  }

  uninstall(id: DeviceId, tasks: readonly SeatTask[]): void {
    const life = this.#devices.get(id)?.life;
    for (const { task } of tasks) life?.tasks.delete(task);
  }

  async run(
    artifact: Artifact,
    _names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] },
    feeds: readonly Tensor[],
  ): Promise<readonly Tensor[]> {
    this.local.runs.push(artifact);
    if (this.local.computeMs > 0) await this.#sleep(this.local.computeMs, null);
    if (this.local.failNext > 0) {
      this.local.failNext--;
      throw new Error('the local engine failed');
    }
    return this.kernel(artifact, feeds);
  }

  #deliver(id: DeviceId, action: (device: MemoryDevice, life: Life) => void): void {
    const device = this.#devices.get(id);
    const life = device?.life;
    if (!device || !life) return;
    this.clock.schedule(device.behaviour.networkMs, () => {
      if (device.life === life && !device.behaviour.deaf) action(device, life);
    });
  }

  #work(device: MemoryDevice, life: Life): void {
    if (life.computing || life.queue.length === 0 || device.behaviour.paused) return;
    life.computing = true;
    this.clock.schedule(device.behaviour.computeMs, () => {
      life.computing = false;
      const request = life.queue.shift()!;
      if (device.life !== life) return;
      this.#answer(device, life, request);
      this.#work(device, life);
    });
  }

  #answer(device: MemoryDevice, life: Life, request: ComputeRequest): void {
    const message = this.#compute(device, life, request);
    if (device.behaviour.dropNext > 0) {
      device.behaviour.dropNext--;
      return;
    }
    const { tamper } = device.behaviour;
    const tampered = tamper === null ? message : tamper(message);
    for (const each of Array.isArray(tampered) ? tampered : [tampered as FromDevice]) {
      this.clock.schedule(device.behaviour.networkMs, () => {
        if (device.life === life && !device.behaviour.mute) this.#listener?.receive(device.id, each);
      });
    }
  }

  #compute(device: MemoryDevice, life: Life, request: ComputeRequest): FromDevice {
    const { request: id, task } = request;
    const refuse = (code: string, message: string): FromDevice => {
      return { kind: 'refusal', request: id, task, code, message };
    };
    if (device.behaviour.refuse !== null) return refuse(device.behaviour.refuse, 'told to refuse');
    const loaded = life.tasks.get(task);
    if (!loaded) return refuse('unknown-task', `task ${task} is not loaded`);
    const tensors = this.kernel(loaded.artifact, request.tensors);
    const computeMicros = device.behaviour.computeMs * 1000;
    return { kind: 'answer', request: id, task, computeMicros, tensors };
  }

  #sleep(ms: number, signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.clock.schedule(ms, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        reject(signal.reason as Error);
      });
    });
  }
}
