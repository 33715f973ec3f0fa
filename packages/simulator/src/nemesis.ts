import { createPlan, PlanRefusedError } from '@sparewheel/planner';
import type { Random } from '@sparewheel/runtime/random';
import type { Clients } from './clients.ts';
import { DeviceFaults } from './device-faults.ts';
import { faulty } from './health.ts';
import { DIRECTIONS, type Direction, healthyDirection } from './link.ts';
import type { LiveDeployment } from './observed-world.ts';
import { deployRequest, drawModel, drawPlan, drawPolicy } from './scenario.ts';
import type { VirtualDevice } from './virtual-device.ts';
import type { World } from './world.ts';

/** The first kinds of faults: kill, pause, partition. After them, a device is as fast as before. */
const CLEAR_FAULTS = 5;
/** The number of devices that may join later. */
const MOST_JOINS = 2;

/** Injects random faults during the storm, as the scenario allows. */
export class Nemesis {
  readonly faults: DeviceFaults;
  #over = false;
  #joins = 0;
  #corrupters = 0;
  readonly #lost = new Set<VirtualDevice>();

  constructor(
    readonly world: World,
    readonly clients: Clients,
    readonly random: Random,
  ) {
    this.faults = new DeviceFaults(world, random.fork());
  }

  start(): void {
    this.world.clock.schedule(this.random.exponential(this.world.scenario.faultEveryMs), () => {
      if (this.#over) return;
      this.#strike();
      this.start();
    });
  }

  /** Ends the storm: heals every device and revives the dead ones, except those that are lost for good. */
  end(): void {
    this.#over = true;
    const { world, faults } = this;
    world.trace.note('the storm is over', 'nemesis');
    if (!world.plane) world.startPlane();
    for (const device of world.devices) {
      if (faulty(device) || !world.network.connected(device)) world.health.disturbed(device);
      for (const way of DIRECTIONS) {
        const wasPartitioned = device.link[way].partitioned !== null;
        Object.assign(device.link[way], healthyDirection());
        if (wasPartitioned) world.network.release(device, way);
      }
      Object.assign(device, { slowFactor: 1, lie: null, refuseCode: null, failInstalls: 0 });
      if (device.paused) device.resume();
      if (!this.#lost.has(device)) faults.revive(device, false);
      // A half-open connection does not heal by itself: the agent's ping timeout ends it.
      world.connectSoon(device, this.random.between(50, 2_000));
    }
  }

  #strike(): void {
    const { world, random } = this;
    const { scenario } = world;
    if (!world.plane) return;
    if (random.chance(0.3)) {
      this.#change();
      return;
    }
    const budget = this.#budget();
    const out = world.devices.filter(({ id }) => world.health.isOut(id)).length;
    if (scenario.restarts && random.chance(0.1) && (scenario.level === 'anything' || out === 0)) {
      this.#restart();
      return;
    }
    if (out >= budget) return;
    if (scenario.level === 'anything' && random.chance(0.08)) {
      this.#swizzle();
      return;
    }
    const victims = world.devices.filter((device) => !faulty(device));
    if (victims.length > 0) this.#hurt(random.pick(victims));
  }

  /** Returns how many devices may be out at once. */
  #budget(): number {
    const { scenario, devices, deployments } = this.world;
    if (scenario.level === 'anything') return Math.ceil(devices.length * 0.6);
    let budget = devices.length;
    for (const { active, latest } of deployments.values()) {
      for (const step of [...active.plan.steps, ...latest.plan.steps]) {
        if (step.kind === 'coded') budget = Math.min(budget, step.parityShards);
        else if (step.kind === 'replicated') budget = Math.min(budget, step.seats.length - 1);
      }
    }
    return budget;
  }

  #hurt(device: VirtualDevice): void {
    const { random, faults, world } = this;
    const ms = random.pick([
      random.between(20, 400),
      random.between(400, 3_000),
      random.between(3_000, 9_000),
    ]);
    const kinds = world.scenario.heavy
      ? CLEAR_FAULTS
      : world.scenario.corrupters && this.#corrupters < 3
        ? 14
        : 9;
    switch (random.upTo(kinds)) {
      case 0:
      case 1:
        if (world.scenario.losses && random.chance(0.4)) {
          this.#lost.add(device);
          faults.kill(device, random.pick([5, 5_000]), null, false);
          return;
        }
        faults.kill(device, random.pick([5, 5, random.between(5, 5_000), null]), ms, random.chance(0.2));
        return;
      case 2:
        faults.pause(device, ms);
        return;
      case 3:
      case 4: {
        const ways = random.pick<readonly Direction[]>([DIRECTIONS, ['toDevice'], ['fromDevice']]);
        faults.partition(device, ways, random.pick(['hold', 'lose']), ms);
        return;
      }
      case 5: {
        const factor = random.pick([3, 20, 200]);
        faults.impair(
          device,
          'slow',
          ms,
          () => (device.slowFactor = factor),
          () => (device.slowFactor = 1),
        );
        return;
      }
      case 6: {
        const way = device.link[random.pick(DIRECTIONS)];
        const extraMs = random.pick([20, 200, 1_500]);
        faults.impair(
          device,
          'delay',
          ms,
          () => (way.extraMs = extraMs),
          () => (way.extraMs = 0),
        );
        return;
      }
      case 7: {
        const way = device.link[random.pick(DIRECTIONS)];
        const probability = random.pick([0.1, 0.5, 1]);
        faults.impair(
          device,
          'drop',
          ms,
          () => (way.dropProbability = probability),
          () => (way.dropProbability = 0),
        );
        return;
      }
      case 8:
        if (random.chance(0.5)) {
          const code = random.pick(['engine', 'unknown-task', 'overloaded']);
          faults.impair(
            device,
            'refuse',
            ms,
            () => (device.refuseCode = code),
            () => (device.refuseCode = null),
          );
        } else {
          const undo = () => (device.failInstalls = 0);
          faults.impair(device, 'fail installs', ms, () => (device.failInstalls = random.whole(1, 3)), undo);
        }
        return;
      default: {
        this.#corrupters++;
        const amount = random.between(0.6, 5) * random.pick([1, -1, 1_000]);
        const lie = random.chance(0.2)
          ? random.pick(['not-finite', 'wrong-shape'] as const)
          : { amount, probability: random.pick([0.2, 1]) };
        faults.impair(
          device,
          'corrupt',
          60_000,
          () => (device.lie = lie),
          () => {},
        );
      }
    }
  }

  /** Makes a change for which no promise makes an exception. */
  #change(): void {
    const { world, random } = this;
    const { scenario } = world;
    const deployment = random.pick([...world.deployments.values()]);
    switch (random.upTo(scenario.redeploys ? 6 : 4)) {
      case 0:
        if (this.#joins++ < MOST_JOINS) world.connectSoon(world.addDevice(), random.between(1, 200));
        return;
      case 1:
        if (scenario.heavy) return;
        world.setPolicy(deployment.name, drawPolicy(random, scenario.corrupters));
        return;
      case 2:
        this.clients.burst(random.whole(5, 30));
        return;
      case 3:
        this.clients.burst(2);
        return;
      case 4:
        this.#redeploy(deployment);
        return;
      default:
        if (random.chance(0.3)) this.#replace(deployment);
        else this.#redeploy(deployment);
    }
  }

  /** Deploys another plan, or another model with the same inputs and outputs, under the same name. */
  #redeploy(deployment: LiveDeployment): void {
    const { world, random } = this;
    const policy = drawPolicy(random, world.scenario.corrupters);
    let { model } = deployment.latest;
    if (random.chance(0.4)) {
      model = drawModel(world.models.length + 1, deployment.width, random);
      world.models.push(model);
    }
    const plan = this.#planThatFits(model, deployment);
    if (!plan) return;
    const ids = random.shuffled(world.devices).map(({ id }) => id);
    const seats = random.chance(0.5) ? [] : ids.slice(0, plan.seats.length);
    world.deploy(deployRequest(deployment.name, model, plan, policy, seats), model, deployment.width);
    this.clients.redeployed(deployment);
  }

  /** Removes a deployment and creates it again under the same name. Accepted requests finish on the old one. */
  #replace({ name, width, latest }: LiveDeployment): void {
    const { world, random } = this;
    world.undeploy(name);
    const policy = drawPolicy(random, world.scenario.corrupters);
    world.deploy(deployRequest(name, latest.model, latest.plan, policy, []), latest.model, width);
  }

  #planThatFits(model: LiveDeployment['latest']['model'], { latest }: LiveDeployment) {
    const { world, random } = this;
    // In a repairable storm every plan must repair the devices that are out.
    if (world.scenario.level === 'repairable') {
      const { k, r, strategy } = latest.plan;
      try {
        return createPlan(model.profile, { k, r, strategy, layers: 'all', devices: world.devices });
      } catch (error) {
        if (error instanceof PlanRefusedError) return null;
        throw error;
      }
    }
    const plan = drawPlan(model, random);
    return plan.seats.length <= world.devices.length ? plan : null;
  }

  #restart(): void {
    const { world, random } = this;
    world.killPlane();
    this.clients.planeEnded();
    world.clock.schedule(random.between(50, 1_500), () => {
      if (!world.plane) world.startPlane();
    });
  }

  /** Disconnects devices one by one; they return in another order. */
  #swizzle(): void {
    const { world, random, faults } = this;
    world.trace.note('swizzle', 'nemesis');
    const count = random.whole(2, world.devices.length);
    const victims = random.shuffled(world.devices.filter((device) => !faulty(device))).slice(0, count);
    const mode = random.pick(['hold', 'lose'] as const);
    victims.forEach((device, index) => {
      const startMs = index * random.between(20, 300);
      const lastMs = victims.length * 300 + random.between(0, 3_000);
      world.clock.schedule(startMs, () => faults.partition(device, DIRECTIONS, mode, lastMs - startMs));
    });
  }
}
