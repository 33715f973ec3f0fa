import type { Artifact } from '@sparewheel/planner';
import type { CancelRequest, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import type { ReportedComputation } from '../devices/computation-timeouts.ts';
import type {
  Clock,
  DeviceId,
  Installer,
  InstallProgress,
  LocalCompute,
  SeatTask,
  Transport,
} from '../ports.ts';

/** Computes an artifact's outputs. Replaces ONNX Runtime on devices and on the data plane. */
export type Kernel = (artifact: Artifact, feeds: readonly Tensor[]) => readonly Tensor[];

/** The behavior of one in-memory device. Tests can change it at any time. Times are in milliseconds. */
export interface DeviceBehavior {
  /** One-way network delay, in each direction. */
  networkMs: number;
  /** The same for every computation, or by artifact. */
  computeMs: number | ((artifact: Artifact) => number);
  /** Interval at which the device reports computations that it has not finished; null for an old agent. */
  reportEveryMs: number | null;
  /** Messages to the device are lost. */
  deaf: boolean;
  /** Messages from the device are lost. */
  mute: boolean;
  /** The device receives messages but computes nothing. */
  paused: boolean;
  /** Number of next answers to lose. */
  dropNext: number;
  /** Replaces each answer; null leaves it unchanged. */
  tamper: ((message: FromDevice) => FromDevice | readonly FromDevice[]) | null;
  /** Refuses every computation with this code; null refuses none. */
  refuse: string | null;
  installMs: number;
  /** Number of next installs to fail. */
  failInstalls: number;
}

const HEALTHY: DeviceBehavior = {
  networkMs: 1,
  computeMs: 1,
  reportEveryMs: null,
  deaf: false,
  mute: false,
  paused: false,
  dropNext: 0,
  tamper: null,
  refuse: null,
  installMs: 10,
  failInstalls: 0,
};

/** Receives connections and messages of the devices: the coordinator, or a test. */
export interface FleetListener {
  deviceConnected(id: DeviceId): void;
  deviceDisconnected(id: DeviceId, reason: string): void;
  receive(id: DeviceId, message: FromDevice): void;
  reportComputing?(id: DeviceId, computations: readonly ReportedComputation[]): void;
}

/** The state of one device process, lost when it ends. */
interface DeviceProcess {
  readonly tasks: Map<number, SeatTask>;
  readonly queue: ComputeRequest[];
  computing: boolean;
}

export class MemoryDevice {
  readonly behavior: DeviceBehavior;
  /** SHA-256 of the blobs on its disk. They survive a restart of the process. */
  readonly blobs = new Set<string>();
  /** All delivered computations and cancels. */
  readonly computed: ComputeRequest[] = [];
  readonly canceled: CancelRequest[] = [];
  /** null while the process is not running. */
  process: DeviceProcess | null = null;
  installs = 0;
  transferredBytes = 0;

  constructor(
    readonly id: DeviceId,
    behavior: Partial<DeviceBehavior>,
  ) {
    this.behavior = { ...HEALTHY, ...behavior };
  }
}

/**
 * A fleet of in-memory devices under a fake clock. Devices hold blobs, load tasks, compute requests one at a time, and
 * fail on demand. The fleet is also the coordinator's transport, installer and local engine.
 */
export class MemoryFleet implements Transport, Installer, LocalCompute {
  readonly #devices = new Map<DeviceId, MemoryDevice>();
  #listener: FleetListener | null = null;
  /** State of the data plane's engine. */
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

  /** Creates a device and starts its process. */
  add(id: DeviceId, behavior: Partial<DeviceBehavior> = {}): MemoryDevice {
    const device = new MemoryDevice(id, behavior);
    this.#devices.set(id, device);
    this.revive(id);
    return device;
  }

  /** Starts the process with the same disk and without loaded tasks. */
  revive(id: DeviceId): void {
    const device = this.device(id);
    if (device.process) return;
    device.process = { tasks: new Map(), queue: [], computing: false };
    this.#listener?.deviceConnected(id);
  }

  /** Ends the process at once. The listener is notified after `noticedAfterMs`. */
  kill(id: DeviceId, noticedAfterMs = 0): void {
    const device = this.device(id);
    const { process } = device;
    if (!process) return;
    device.process = null;
    const notice = () => {
      if (device.process === null) this.#listener?.deviceDisconnected(id, 'transport close');
    };
    if (noticedAfterMs === 0) notice();
    else this.clock.schedule(noticedAfterMs, notice);
  }

  /** Loses all messages in both directions without disconnecting. */
  partition(id: DeviceId): void {
    Object.assign(this.device(id).behavior, { deaf: true, mute: true });
  }

  heal(id: DeviceId): void {
    const device = this.device(id);
    Object.assign(device.behavior, {
      deaf: false,
      mute: false,
      paused: false,
      dropNext: 0,
      tamper: null,
      refuse: null,
    });
    if (device.process) this.#work(device, device.process);
  }

  pause(id: DeviceId): void {
    this.device(id).behavior.paused = true;
  }

  holds(id: DeviceId, sha256: string): boolean {
    return this.#devices.get(id)?.blobs.has(sha256) ?? false;
  }

  scatter(devices: readonly DeviceId[], request: ComputeRequest): void {
    for (const id of devices) {
      this.#deliver(id, (device, process) => {
        device.computed.push(request);
        process.queue.push(request);
        if (process.queue.length === 1) this.#scheduleReport(device, process);
        this.#work(device, process);
      });
    }
  }

  cancel(devices: readonly DeviceId[], request: CancelRequest): void {
    for (const id of devices) {
      this.#deliver(id, (device, process) => {
        device.canceled.push(request);
        const index = process.queue.findIndex(
          (queued) => queued.request === request.request && queued.task === request.task,
        );
        // A running computation cannot be stopped.
        if (index > 0 || (index === 0 && !process.computing)) process.queue.splice(index, 1);
      });
    }
  }

  async install(
    id: DeviceId,
    tasks: readonly SeatTask[],
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: InstallProgress) => void },
  ): Promise<void> {
    const device = this.#devices.get(id);
    const process = device?.process;
    if (!device || !process) throw new Error(`${id} is not connected`);
    device.installs++;
    const blobs = new Map<string, number>();
    for (const { artifact } of tasks) {
      for (const blob of [artifact.graph, artifact.weights]) {
        if (blob && !device.blobs.has(blob.sha256)) blobs.set(blob.sha256, blob.bytes);
      }
    }
    const totalBytes = [...blobs.values()].reduce((sum, bytes) => sum + bytes, 0);
    options.onProgress({ sentBytes: 0, totalBytes });
    await this.#sleep(device.behavior.installMs, options.signal);
    if (device.process !== process) throw new Error(`${id} was lost during the transfer`);
    if (device.behavior.failInstalls > 0) {
      device.behavior.failInstalls--;
      throw new Error(`${id} could not load its tasks`);
    }
    for (const sha256 of blobs.keys()) device.blobs.add(sha256);
    device.transferredBytes += totalBytes;
    options.onProgress({ sentBytes: totalBytes, totalBytes });
    for (const task of tasks) process.tasks.set(task.task, task);
  }

  uninstall(id: DeviceId, tasks: readonly SeatTask[]): void {
    const process = this.#devices.get(id)?.process;
    for (const { task } of tasks) process?.tasks.delete(task);
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

  #deliver(id: DeviceId, action: (device: MemoryDevice, process: DeviceProcess) => void): void {
    const device = this.#devices.get(id);
    const process = device?.process;
    if (!device || !process) return;
    this.clock.schedule(device.behavior.networkMs, () => {
      if (device.process === process && !device.behavior.deaf) action(device, process);
    });
  }

  #work(device: MemoryDevice, process: DeviceProcess): void {
    if (process.computing || process.queue.length === 0 || device.behavior.paused) return;
    process.computing = true;
    this.clock.schedule(computeMs(device, process, process.queue[0]!), () => {
      process.computing = false;
      const request = process.queue.shift()!;
      if (device.process !== process) return;
      this.#answer(device, process, request);
      this.#work(device, process);
    });
  }

  /** Reports the queue for as long as it is not empty. */
  #scheduleReport(device: MemoryDevice, process: DeviceProcess): void {
    const { reportEveryMs, networkMs } = device.behavior;
    if (reportEveryMs === null) return;
    this.clock.schedule(reportEveryMs, () => {
      if (device.process !== process || process.queue.length === 0) return;
      const computations = process.queue.map(({ request, task }) => ({ request, task }));
      this.clock.schedule(networkMs, () => {
        const { paused, mute } = device.behavior;
        if (device.process === process && !paused && !mute)
          this.#listener?.reportComputing?.(device.id, computations);
      });
      this.#scheduleReport(device, process);
    });
  }

  #answer(device: MemoryDevice, process: DeviceProcess, request: ComputeRequest): void {
    const message = this.#compute(device, process, request);
    if (device.behavior.dropNext > 0) {
      device.behavior.dropNext--;
      return;
    }
    const { tamper } = device.behavior;
    const tampered = tamper === null ? message : tamper(message);
    for (const each of Array.isArray(tampered) ? tampered : [tampered as FromDevice]) {
      this.clock.schedule(device.behavior.networkMs, () => {
        if (device.process === process && !device.behavior.mute) this.#listener?.receive(device.id, each);
      });
    }
  }

  #compute(device: MemoryDevice, process: DeviceProcess, request: ComputeRequest): FromDevice {
    const { request: id, task } = request;
    const refuse = (code: string, message: string): FromDevice => {
      return { kind: 'refusal', request: id, task, code, message };
    };
    if (device.behavior.refuse !== null) return refuse(device.behavior.refuse, 'refused by the test');
    const loaded = process.tasks.get(task);
    if (!loaded) return refuse('unknown-task', `task ${task} is not loaded`);
    const tensors = this.kernel(loaded.artifact, request.tensors);
    const computeMicros = computeMs(device, process, request) * 1000;
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

function computeMs(device: MemoryDevice, process: DeviceProcess, { task }: ComputeRequest): number {
  const { computeMs } = device.behavior;
  if (typeof computeMs === 'number') return computeMs;
  const loaded = process.tasks.get(task);
  return loaded ? computeMs(loaded.artifact) : 0;
}
