import type {
  CoordinatorEvent,
  CoordinatorSnapshot,
  DeployRequest,
  SeatSnapshot,
} from '@sparewheel/coordinator';
import { faulty } from './health.ts';
import type { ObservedWorld } from './observed-world.ts';
import { takeoverBoundMs } from './scenario.ts';
import type { VirtualDevice } from './virtual-device.ts';

/** The promised time in which a returning device, and everything after a restart, serves again. */
const RETURN_WITHIN_MS = 5_000;
/** The time of a redistribution after the detection. Other devices may be tried first. */
const REDISTRIBUTE_WITHIN_MS = 2_000;
/** Interval between checks of the seats. */
const CHECK_EVERY_MS = 500;

/** Checks the promises about devices and seats: takeover, return, and restart. */
export class LivenessChecker {
  /** Since when each seat has been empty although a standby device was available. */
  #emptySince = new Map<string, number>();
  /** Since when each deployment has been unable to answer although a device could compute the missing shards. */
  #stalledSince = new Map<string, number>();
  /** The number of blobs on a device's disk when it connected. An aborted install may have sent more. */
  readonly #diskAtConnect = new Map<string, number>();
  /** Sent bytes by deployment, since the data plane started. */
  readonly #sentBytes = new Map<string, number>();
  #reviewDue = false;
  #over = false;

  constructor(readonly world: ObservedWorld) {}

  start(): void {
    this.#checkSeats();
  }

  end(): void {
    this.#over = true;
  }

  happened(event: CoordinatorEvent): void {
    switch (event.kind) {
      case 'device-returned':
      case 'device-answering':
        this.#reviewSoon();
        return;
      case 'install-failed':
        this.#diskAtConnect.delete(event.device);
        return;
      case 'install-finished':
        this.#sentBytes.set(
          event.deployment,
          (this.#sentBytes.get(event.deployment) ?? 0) + event.transferredBytes,
        );
        this.#checkTransfer(event.device, event.transferredBytes);
        this.#reviewSoon();
        return;
      case 'deployment-state':
        this.#reviewSoon();
    }
  }

  /** Checks, after a device reconnected, that it serves its seats again in time. */
  returned(device: VirtualDevice): void {
    const { world } = this;
    const { plane } = world;
    const since = world.clock.now();
    this.#diskAtConnect.set(device.id, device.disk.size);
    const seats = seatsOf(plane!.coordinator.snapshot(), device.id);
    if (seats.length === 0 || faulty(device)) return;
    const plans = new Map(
      seats.map(({ deployment }) => [deployment, world.deployments.get(deployment)?.active]),
    );
    world.clock.schedule(RETURN_WITHIN_MS, () => {
      if (this.#over || world.plane !== plane || world.health.wasFaulty(device, since)) return;
      world.checker.coverage.returns++;
      const now = seatsOf(world.observeSwitches(), device.id);
      for (const { deployment, seat } of seats) {
        // A new plan has other seats.
        if (world.deployments.get(deployment)?.active !== plans.get(deployment)) continue;
        if (
          now.some((held) => held.deployment === deployment && held.seat === seat && held.state === 'ready')
        )
          continue;
        world.checker.complain(
          'e: a returning device serves without a transfer',
          `${device.id} returned at ${since.toFixed(0)} ms and does not serve seat ${seat} of ${deployment}`,
        );
      }
    });
  }

  /** Checks, after a restart, that every stored deployment whose devices are present serves again in time. */
  planeStarted(): void {
    const { world } = this;
    this.#sentBytes.clear();
    if (world.restarts === 0) return;
    const { plane } = world;
    const since = world.clock.now();
    const stored = [...world.store.deployments.values()].map((request) => ({
      ...request,
      latest: world.deployments.get(request.name)?.latest,
      inPlace: request.plan.seats.every(({ seat }) =>
        holdsSeat(world.device(request.seats[seat] ?? ''), request, seat),
      ),
    }));
    world.clock.schedule(RETURN_WITHIN_MS, () => {
      if (this.#over || world.plane !== plane) return;
      world.checker.coverage.restarts++;
      const { deployments } = plane!.coordinator.snapshot();
      for (const { name, plan, seats, latest, inPlace } of stored) {
        if (world.deployments.get(name)?.latest !== latest) continue;
        const devices = plan.seats.map(({ seat }) => world.device(seats[seat] ?? ''));
        const undisturbed = devices.every(
          (device) => device?.life && !device.everLied && !world.health.wasFaulty(device, since),
        );
        if (!undisturbed) continue;
        const state = deployments.find((deployment) => deployment.name === name)?.state;
        const sent = this.#sentBytes.get(name) ?? 0;
        if (inPlace && sent > 0)
          world.checker.complain('g: a restart restores everything', `${sent} bytes were sent for ${name}`);
        if (state === 'ready') continue;
        world.checker.complain(
          'g: a restart restores everything',
          `${name} is ${state ?? 'gone'} after the restart`,
        );
      }
    });
  }

  #reviewSoon(): void {
    if (this.#reviewDue) return;
    this.#reviewDue = true;
    // Not within a call of the coordinator, whose state may be incomplete.
    this.world.clock.schedule(0, () => {
      this.#reviewDue = false;
      if (this.world.plane) this.#review();
    });
  }

  #review(): CoordinatorSnapshot {
    const { health, devices, network } = this.world;
    const snapshot = this.world.observeSwitches();
    health.review(devices, snapshot, (device) => network.connected(device));
    return snapshot;
  }

  #checkTransfer(id: string, transferredBytes: number): void {
    if (transferredBytes === 0 || this.world.device(id)!.disk.size !== this.#diskAtConnect.get(id)) return;
    this.world.checker.complain(
      'e: a returning device serves without a transfer',
      `${transferredBytes} bytes were sent to ${id}, which already had them`,
    );
  }

  #checkSeats(): void {
    if (this.#over) return;
    this.world.clock.schedule(CHECK_EVERY_MS, () => this.#checkSeats());
    const { plane, health } = this.world;
    if (!plane) {
      this.#emptySince.clear();
      this.#stalledSince.clear();
      return;
    }
    const snapshot = this.#review();
    const now = this.world.clock.now();
    // A new map, which drops the seats that the current plan does not have.
    const emptySince = new Map<string, number>();
    this.#checkRedistribution(snapshot, now);
    for (const { name, seats, nextSeats, policy } of snapshot.deployments) {
      const held = new Set(
        [...seats, ...(nextSeats ?? [])].flatMap(({ device, installing }) => [device, installing]),
      );
      const standby = snapshot.devices.find(
        ({ id, state }) => state === 'up' && !held.has(id) && !health.isOut(id),
      );
      this.#checkOneSeatEach(name, seats);
      for (const seat of seats) {
        const key = `${name} ${seat.seat}`;
        this.#checkLoaded(name, seat);
        if (!standby || !this.#isEmpty(seat, snapshot)) continue;
        const since = this.#emptySince.get(key) ?? now;
        emptySince.set(key, since);
        if (now - since <= takeoverBoundMs(this.world.scenario, policy)) continue;
        emptySince.set(key, now);
        this.world.checker.complain(
          'b: beyond repair, rescue and then takeover',
          `seat ${seat.seat} of ${name} has been empty since ${since.toFixed(0)} ms, and ${standby.id} is idle`,
        );
      }
    }
    this.#emptySince = emptySince;
  }

  /** Checks that under `rescue: "devices"` a healthy device of the plan computes the missing shards in time. */
  #checkRedistribution({ deployments }: CoordinatorSnapshot, now: number): void {
    const { world } = this;
    const stalledSince = new Map<string, number>();
    for (const { name, seats, policy, outage } of deployments) {
      if (policy.rescue !== 'devices' || outage === null) continue;
      for (const { device, state } of seats) {
        if (device === null || state !== 'ready' || world.health.isOut(device)) continue;
        const key = `${name} ${device}`;
        const since = this.#stalledSince.get(key) ?? now;
        stalledSince.set(key, since);
        if (now - since <= takeoverBoundMs(world.scenario, policy) + REDISTRIBUTE_WITHIN_MS) continue;
        stalledSince.set(key, now);
        world.checker.complain(
          'b: beyond repair, rescue and then takeover',
          `${name} cannot answer since ${since.toFixed(0)} ms, although ${device} could compute the missing shards`,
        );
      }
    }
    this.#stalledSince = stalledSince;
  }

  /** Whether the seat's device appears to be gone and no install replaces it. */
  #isEmpty({ device: id, installing }: SeatSnapshot, { devices }: CoordinatorSnapshot): boolean {
    if (installing !== null) return false;
    if (id === null) return true;
    const seen = devices.find((device) => device.id === id);
    return seen?.state === 'down' || seen?.state === 'quarantined' || seen?.state === 'silent';
  }

  /** Checks that no device has two seats of a deployment: they would be lost together. */
  #checkOneSeatEach(deployment: string, seats: readonly SeatSnapshot[]): void {
    const holders = seats.flatMap(({ device, installing }) => device ?? installing ?? []);
    if (new Set(holders).size === holders.length) return;
    this.world.checker.complain(
      'a: repairable failures delay no request',
      `one device has two seats of ${deployment}: ${holders.join(', ')}`,
    );
  }

  /** Checks that the device of a ready seat has loaded the seat's tasks. */
  #checkLoaded(deployment: string, { seat, device: id, state }: SeatSnapshot): void {
    if (state !== 'ready') return;
    const device = this.world.device(id!)!;
    if (faulty(device) || this.world.health.isOut(device.id) || !this.world.network.connected(device)) return;
    const live = this.world.deployments.get(deployment);
    if (!live || live.active !== live.latest) return;
    const wanted = live.active.plan.steps.filter(
      (step) => step.kind !== 'local' && step.seats.includes(seat),
    );
    if (device.life!.tasks.size >= wanted.length) return;
    this.world.checker.complain(
      'b: beyond repair, rescue and then takeover',
      `seat ${seat} of ${deployment} is ready, but ${id} has ${device.life!.tasks.size} tasks loaded`,
    );
  }
}

function seatsOf({ devices }: CoordinatorSnapshot, id: string) {
  return devices.find((device) => device.id === id)?.seats ?? [];
}

/** Whether the device has all files of the seat. */
function holdsSeat(
  device: VirtualDevice | undefined,
  { plan, artifacts }: DeployRequest,
  seat: number,
): boolean {
  if (!device) return false;
  return plan.steps.every((step) => {
    const shard = step.kind === 'local' ? -1 : step.seats.indexOf(seat);
    if (shard < 0) return true;
    const { graph, weights } = artifacts[step.id]![step.kind === 'coded' ? shard : 0]!;
    return device.disk.has(graph.sha256) && (weights === null || device.disk.has(weights.sha256));
  });
}
