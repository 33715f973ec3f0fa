import type { Coordinator } from '@sparewheel/coordinator';
import type { DataPlaneMessage } from '@sparewheel/data-plane-client';
import type { DeviceFaults } from './devices/device-faults.ts';
import type { Distributor } from './devices/distribution/distributor.ts';
import type { DeviceGateway } from './devices/gateway/device-gateway.ts';
import type { DeviceRegistry } from './devices/gateway/device-registry.ts';
import type { Supervisors } from './devices/gateway/supervisors.ts';
import type { LinkProbe } from './devices/link-probe.ts';
import type { ServedDeployments } from './served-deployments.ts';
import { type DeviceFacts, deploymentRuntimes, deviceViews } from './views.ts';

const EVERY_MS = 200;
/** Round trips and times change without an event. The views are posted at least every so many ticks. */
const TICKS_TO_REFRESH = 5;

export interface ViewSources {
  readonly coordinator: Coordinator;
  readonly registry: DeviceRegistry;
  readonly gateway: DeviceGateway;
  readonly supervisors: Supervisors;
  readonly faults: DeviceFaults;
  readonly links: LinkProbe;
  readonly deployments: ServedDeployments;
  readonly distributor: Pick<Distributor, 'preloads'>;
}

/**
 * Posts the views for the dashboard: five times a second while they change, otherwise once a second. A new
 * state of a deployment is posted at once.
 */
export class ViewFeed {
  readonly #sources: ViewSources;
  readonly #post: (message: DataPlaneMessage) => void;
  readonly #startedAt = new Date();
  #timer: NodeJS.Timeout | null = null;
  #changed = true;
  #ticks = 0;

  constructor(sources: ViewSources, post: (message: DataPlaneMessage) => void) {
    this.#sources = sources;
    this.#post = post;
  }

  readonly changed = (): void => {
    this.#changed = true;
  };

  /** Posts the views after the current event, not at the next tick. */
  readonly changedState = (): void => {
    this.#changed = true;
    setImmediate(() => {
      if (this.#changed && this.#timer !== null) this.post();
    });
  };

  start(): void {
    this.#timer = setInterval(() => {
      this.#ticks++;
      if (this.#changed || this.#ticks % TICKS_TO_REFRESH === 0) this.post();
    }, EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  post(): void {
    const { coordinator, registry, deployments, distributor } = this.#sources;
    this.#changed = false;
    const snapshot = coordinator.snapshot();
    deployments.releaseReplaced(snapshot);
    this.#post({
      kind: 'views',
      devices: deviceViews(snapshot, this.#facts()),
      deployments: deploymentRuntimes(
        snapshot,
        (device) => registry.get(device)?.name ?? null,
        (name) => deployments.load(name),
      ),
      preloads: distributor.preloads,
      latency: deployments.latencyViews(snapshot),
    });
  }

  #facts(): DeviceFacts[] {
    const { registry, gateway, supervisors, faults, links } = this.#sources;
    return [...registry.devices].map((known): DeviceFacts => {
      const session = gateway.session(known.id);
      return {
        known,
        connecting: gateway.connected(known.id),
        hello: session?.hello ?? null,
        statistics: session?.statistics ?? null,
        roundTripMs: session?.roundTripMs ?? null,
        link: links.link(known.id),
        supervision: supervisors.of(known.id),
        paused: faults.isPaused(known.id),
        faults: faults.active(known.id),
        network: faults.network(known.id),
        joinedAt: gateway.joinedAt(known.id) ?? this.#startedAt,
        lastSeenAt: session === undefined ? this.#startedAt : new Date(session.lastSeenAt),
      };
    });
  }
}
