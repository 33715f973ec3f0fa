/** Ways to change a coordinator from outside, for the mutants. */
import { type CoordinatorPorts, Gather, type Installer, type Policy } from '@sparewheel/coordinator';
import type { Answer, FromDevice } from '@sparewheel/protocol';
import type { CoordinatorFace, Tampering, TamperingContext } from './data-plane.ts';

/** Changes options of the coordinator. */
export function withOptions(ports: CoordinatorPorts, options: CoordinatorPorts['options']): CoordinatorPorts {
  return { ...ports, options: { ...ports.options, ...options } };
}

/** Replaces the installer. */
export function installing(ports: CoordinatorPorts, install: Installer['install']): CoordinatorPorts {
  const { installer } = ports;
  return { ...ports, installer: { install, uninstall: (...args) => installer.uninstall(...args) } };
}

/** Drops the messages of devices that `passes` rejects. */
export function receiving(
  face: CoordinatorFace,
  passes: (device: string, message: FromDevice) => boolean,
): CoordinatorFace {
  return {
    ...face,
    receive: (device, message) => {
      if (passes(device, message)) face.receive(device, message);
    },
  };
}

/** Applies the rule to every n-th message and passes the others. */
export function every(n: number, rule: (device: string, message: FromDevice) => boolean) {
  let count = 0;
  return (device: string, message: FromDevice) => ++count % n !== 0 || rule(device, message);
}

/** Gives the first answer of a batch to all requests of the batch. */
export function repeatingFirstOfBatch(face: CoordinatorFace): CoordinatorFace {
  const last = new Map<string, Answer>();
  return {
    ...face,
    receive: (device, message) => {
      const first = last.get(device);
      // The answers of a batch report the same time and come one after the other.
      const together =
        message.kind === 'answer' &&
        first?.task === message.task &&
        first.computeMicros === message.computeMicros;
      const changed = together ? { ...message, tensors: first.tensors } : message;
      if (changed.kind === 'answer') last.set(device, changed);
      face.receive(device, changed);
    },
  };
}

/** Rounds the answers of parity shards of integer layers to float32, as a decoder of floats would. */
export function roundingIntegerParity(face: CoordinatorFace, { devices }: TamperingContext): CoordinatorFace {
  const parity = new Set<string>();
  const isParity = (id: string, task: number) => {
    const loaded = devices.find((device) => device.id === id)?.life?.tasks.get(task);
    return loaded !== undefined && parity.has(loaded.artifact.graph.sha256);
  };
  return {
    ...face,
    deploy: (request) => {
      for (const step of request.plan.steps) {
        if (step.kind !== 'coded' || step.answers !== 'int32') continue;
        const shards = request.artifacts[step.id]!.slice(step.dataShards);
        for (const { graph } of shards) parity.add(graph.sha256);
      }
      face.deploy(request);
    },
    receive: (device, message) => {
      if (message.kind !== 'answer' || !isParity(device, message.task)) return face.receive(device, message);
      const tensors = message.tensors.map((tensor) =>
        tensor.type === 'int32' ? { ...tensor, data: (tensor.data as Int32Array).map(Math.fround) } : tensor,
      );
      face.receive(device, { ...message, tensors });
    },
  };
}

/** Adds the first slice of each sum twice, and leaves the last one out. */
export function addingFirstTwice(face: CoordinatorFace): CoordinatorFace {
  return {
    ...face,
    deploy: (request) => {
      const steps = request.plan.steps.map((step) =>
        step.kind === 'local' && step.adds
          ? { ...step, feeds: [...step.feeds.slice(0, -1), step.feeds[0]!] }
          : step,
      );
      return face.deploy({ ...request, plan: { ...request.plan, steps } });
    },
  };
}

/**
 * Replaces the rescue rule of every policy.
 * @param hidden  whether snapshots show the rule that was requested
 */
export function ruling(
  face: CoordinatorFace,
  rule: (rescue: Policy['rescue']) => Policy['rescue'] | '',
  hidden = false,
): CoordinatorFace {
  const requested = new Map<string, Policy>();
  const changed = (name: string, policy: Policy): Policy => {
    requested.set(name, policy);
    return { ...policy, rescue: rule(policy.rescue) || undefined };
  };
  return {
    ...face,
    deploy: (request) => face.deploy({ ...request, policy: changed(request.name, request.policy) }),
    setPolicy: (name, policy) => face.setPolicy(name, changed(name, policy)),
    snapshot: () => {
      const snapshot = face.snapshot();
      if (!hidden) return snapshot;
      const deployments = snapshot.deployments.map((each) => ({
        ...each,
        policy: requested.get(each.name) ?? each.policy,
      }));
      return { ...snapshot, deployments };
    },
  };
}

/** Forgets the largest sizes of free dimensions. */
export function withoutSizeLimits(face: CoordinatorFace): CoordinatorFace {
  return {
    ...face,
    deploy: (request) => {
      const inputs = request.plan.inputs.map(({ free: _, ...spec }) => spec);
      return face.deploy({ ...request, plan: { ...request.plan, inputs } });
    },
  };
}

/** Requests that arrive while a shard is being redistributed never end. */
export function losingDuringRedistributions(): Tampering {
  const loading = new Set<string>();
  return {
    ports: (ports) => {
      loading.clear();
      return {
        ...ports,
        emit: (event) => {
          if (event.kind === 'redistribution-began') loading.add(event.deployment);
          if (event.kind === 'outage-ended') loading.delete(event.deployment);
          ports.emit(event);
        },
      };
    },
    face: (face) => ({
      ...face,
      infer: (name, feeds, options) => {
        const inference = face.infer(name, feeds, options);
        return loading.has(name) ? inference.then(() => new Promise<never>(() => {})) : inference;
      },
    }),
  };
}

/** Replaces one value of `verify` by `"off"`. */
export function weakened(face: CoordinatorFace, verify: 'before' | 'after'): CoordinatorFace {
  const weaken = <P extends { readonly verify: string }>(policy: P): P =>
    policy.verify === verify ? { ...policy, verify: 'off' } : policy;
  return {
    ...face,
    deploy: (request) => face.deploy({ ...request, policy: weaken(request.policy) }),
    setPolicy: (name, policy) => face.setPolicy(name, weaken(policy)),
  };
}

/** Replaces the decisions of every gather. @returns undoes the change */
export function patchNext(make: (next: Gather['next']) => Gather['next']): () => void {
  const { next } = Gather.prototype;
  Gather.prototype.next = make(next);
  return () => {
    Gather.prototype.next = next;
  };
}
