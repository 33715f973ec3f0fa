import type { Step } from '@sparewheel/planner';
import type { Answer, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import { Coordinator } from '../coordinator.ts';
import type { CoordinatorEvent } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import { DEFAULT_POLICY, type Policy } from '../policy.ts';
import type { Installer, LocalCompute, SeatTask } from '../ports.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { type SyntheticNetwork, type SyntheticOptions, syntheticNetwork } from './linear-network.ts';
import { ManualTransport } from './manual-transport.ts';

export interface ManualRigOptions extends SyntheticOptions {
  readonly policy?: Partial<Policy>;
  readonly options?: Partial<CoordinatorOptions>;
  /** Changes a step before the deployment. */
  readonly changeStep?: (step: Step) => Step;
}

/** A coordinator with a deployment "net" on devices d0, d1, … whose answers the test sends. */
export class ManualRig {
  readonly clock = new FakeClock();
  readonly transport = new ManualTransport();
  readonly events: CoordinatorEvent[] = [];
  readonly network: SyntheticNetwork;
  readonly coordinator: Coordinator;
  /** The data plane's engine. `runs` counts rescued shards and local steps. */
  readonly local: LocalCompute & { runs: number; fail: Error | null };
  /** Deploys the network again, after it was taken down. */
  readonly redeploy: () => void;
  readonly #tasks = new Map<string, Map<number, SeatTask>>();

  constructor(options: ManualRigOptions) {
    const network = syntheticNetwork(options);
    this.network = network;
    this.local = {
      runs: 0,
      fail: null,
      async run(artifact, _names, feeds) {
        this.runs++;
        if (this.fail) throw this.fail;
        return network.kernel(artifact, feeds);
      },
    };
    const installer: Installer = {
      install: async (device, tasks) => {
        const loaded = this.#tasks.get(device) ?? new Map<number, SeatTask>();
        for (const task of tasks) loaded.set(task.task, task);
        this.#tasks.set(device, loaded);
      },
      uninstall: (device, tasks) => {
        for (const { task } of tasks) this.#tasks.get(device)?.delete(task);
      },
    };
    this.coordinator = new Coordinator({
      clock: this.clock,
      transport: this.transport,
      compute: this.local,
      installer,
      emit: (event) => this.events.push(event),
      options: options.options ?? {},
    });
    const { artifacts } = network;
    const { changeStep = (step) => step } = options;
    const plan = { ...network.plan, steps: network.plan.steps.map(changeStep) };
    for (const { seat } of plan.seats) this.connect(`d${seat}`);
    this.redeploy = () =>
      this.coordinator.deploy({
        name: 'net',
        plan,
        artifacts,
        policy: { ...DEFAULT_POLICY, ...options.policy },
        seats: plan.seats.map(({ seat }) => `d${seat}`),
      });
    this.redeploy();
  }

  /** Creates a rig and waits until its deployment is ready. */
  static async ready(options: ManualRigOptions): Promise<ManualRig> {
    const rig = new ManualRig(options);
    await settle();
    return rig;
  }

  connect(device: string): void {
    this.transport.connect(device);
    this.coordinator.deviceConnected(device);
  }

  disconnect(device: string): void {
    this.transport.disconnect(device);
    this.coordinator.deviceDisconnected(device, 'transport close');
  }

  /** Returns the computations sent to a device since the previous call, without cancels. */
  takeComputations(device: string): ComputeRequest[] {
    return this.transport.take(device).filter((message) => message.kind === 'compute');
  }

  /** Returns the correct answer to a computation. */
  answerTo(device: string, request: ComputeRequest): Answer {
    const task = this.#tasks.get(device)?.get(request.task);
    if (!task) throw new Error(`${device} has not loaded task ${request.task}`);
    const tensors = this.network.kernel(task.artifact, request.tensors);
    return { kind: 'answer', request: request.request, task: request.task, computeMicros: 100, tensors };
  }

  send(device: string, message: FromDevice): void {
    this.coordinator.receive(device, message);
  }

  /** Answers all computations sent to a device. */
  answerAll(device: string): void {
    for (const request of this.takeComputations(device)) this.send(device, this.answerTo(device, request));
  }

  refuse(device: string, request: ComputeRequest, code = 'engine'): void {
    const { request: id, task } = request;
    this.send(device, { kind: 'refusal', request: id, task, code, message: 'no' });
  }

  input(values: readonly number[]): Tensor<'float32'> {
    return { type: 'float32', dims: [1, values.length], data: Float32Array.from(values) };
  }

  eventsOf<K extends CoordinatorEvent['kind']>(kind: K): Extract<CoordinatorEvent, { kind: K }>[] {
    return this.events.filter(
      (event): event is Extract<CoordinatorEvent, { kind: K }> => event.kind === kind,
    );
  }
}

/** Returns a copy of an answer with `amount` added to one value. */
export function corrupted(answer: Answer, amount = 1, at = 0): Answer {
  const [tensor] = answer.tensors;
  const data = (tensor!.data as Float32Array).slice();
  data[at] = data[at]! + amount;
  return { ...answer, tensors: [{ type: 'float32', dims: tensor!.dims, data }] };
}
