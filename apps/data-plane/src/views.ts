/** The views of devices and deployments for the dashboard, as pure functions of the data plane's state. */
import type {
  CoordinatorSnapshot,
  DeploymentSnapshot,
  DeviceSnapshot,
  SeatSnapshot,
} from '@sparewheel/coordinator';
import type { DeploymentRuntime, KnownDevice } from '@sparewheel/data-plane-client';
import type {
  DeviceLink,
  DeviceRole,
  DeviceState,
  DeviceStatistics,
  DeviceView,
  Hello,
  LoadView,
  OutageView,
  SeatView,
} from '@sparewheel/protocol';
import type { Supervision } from './devices/gateway/supervisors.ts';

const NO_LINK: DeviceLink = { hopMs: null, bytesPerSecond: null };

/** A device as known to the gateway, its supervisor and the fault injection. */
export interface DeviceFacts {
  readonly known: KnownDevice;
  /** Whether at least one of its connections is open. */
  readonly connecting: boolean;
  readonly hello: Hello | null;
  readonly statistics: DeviceStatistics | null;
  readonly roundTripMs: number | null;
  readonly link?: DeviceLink | null;
  readonly supervision: Supervision | undefined;
  readonly paused: boolean;
  readonly faults: DeviceView['faults'];
  readonly network?: DeviceView['network'];
  readonly joinedAt: Date;
  readonly lastSeenAt: Date;
}

/** Returns the views of all known devices, connected or not, sorted by name. */
export function deviceViews(snapshot: CoordinatorSnapshot, facts: readonly DeviceFacts[]): DeviceView[] {
  const byId = new Map(snapshot.devices.map((device) => [device.id, device]));
  return facts
    .map((fact) => deviceView(fact, byId.get(fact.known.id)))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }) || a.id.localeCompare(b.id));
}

function deviceView(facts: DeviceFacts, device: DeviceSnapshot | undefined): DeviceView {
  const { known, hello, statistics, supervision } = facts;
  const state = stateOf(facts, device);
  const up = state === 'ready' || state === 'silent';
  const seats = (device?.seats ?? []).map((seat) => ({
    ...seat,
    state: seat.state === 'empty' ? ('down' as const) : seat.state,
  }));
  const roles = [...new Set<DeviceRole>(seats.map(({ role }) => role))];
  return {
    id: known.id,
    name: known.name,
    state,
    connected: facts.connecting,
    roles: roles.length > 0 ? roles : ['standby'],
    seats,
    platform: known.platform,
    engine: hello?.engine ?? 'native',
    processId: supervision?.processId ?? (facts.connecting ? (hello?.processId ?? null) : null),
    supervised: supervision !== undefined,
    memory: {
      rssBytes: up ? (statistics?.rssBytes ?? 0) : 0,
      totalBytes: hello?.memoryBytes ?? 0,
      storeBytes: statistics?.storeBytes ?? heldBytes(hello),
    },
    roundTripMs: up ? facts.roundTripMs : null,
    profile: hello?.profile ? { ...hello.profile, ...(facts.link ?? NO_LINK) } : null,
    inFlight: device?.inFlight ?? 0,
    arrivalMs: device?.statistics.arrivalMs ?? null,
    answers: device?.statistics.answers ?? 0,
    late: device?.statistics.late ?? 0,
    invalid: device?.statistics.invalid ?? 0,
    temperatureCelsius: up ? (statistics?.temperatureCelsius ?? null) : null,
    faults: facts.faults,
    network: facts.network ?? null,
    reason: reasonOf(state, facts, device),
    joinedAt: facts.joinedAt.toISOString(),
    lastSeenAt: facts.lastSeenAt.toISOString(),
  };
}

function stateOf(facts: DeviceFacts, device: DeviceSnapshot | undefined): DeviceState {
  if (facts.supervision?.running === false) return 'dead';
  if (device?.state === 'quarantined') return 'quarantined';
  if (facts.paused) return 'paused';
  if (device?.state === 'up') return 'ready';
  if (device?.state === 'silent') return 'silent';
  return facts.connecting ? 'joining' : 'lost';
}

function reasonOf(state: DeviceState, facts: DeviceFacts, device: DeviceSnapshot | undefined): string | null {
  switch (state) {
    case 'ready':
      return null;
    case 'dead':
      return facts.supervision?.ended ?? null;
    case 'paused':
      return 'its process is paused (SIGSTOP)';
    case 'silent':
      return 'it is connected but does not answer';
    case 'joining':
      return 'it is connecting';
    case 'quarantined':
      return device?.reason ?? null;
    case 'lost':
      return device?.reason ?? 'it has not connected since the data plane started';
  }
}

function heldBytes(hello: Hello | null): number {
  return hello === null ? 0 : hello.held.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * @param nameOf      returns the name of a device, or null if the device is unknown
 * @param timeOrigin  the wall clock at the start of the coordinator's clock, in ms since 1970
 */
export function deploymentRuntimes(
  snapshot: CoordinatorSnapshot,
  nameOf: (device: string) => string | null,
  loadOf: (deployment: string) => LoadView | null,
  timeOrigin = performance.timeOrigin,
): DeploymentRuntime[] {
  const dateOf = (ms: number) => new Date(timeOrigin + ms).toISOString();
  return snapshot.deployments.map((deployment) => ({
    name: deployment.name,
    state: deployment.state,
    reason: deployment.reason,
    policy: deployment.policy,
    // During a change of plans, the operator watches the distribution of the new plan.
    seats: (deployment.nextSeats ?? deployment.seats).map((seat) => seatView(seat, nameOf)),
    load: loadOf(deployment.name),
    outage: outageView(deployment, nameOf, dateOf),
    mirror: deployment.mirrorOf === null ? null : deployment.mirrored,
    ...(deployment.waiting ? { waiting: deployment.waiting } : {}),
  }));
}

function outageView(
  { outage, inFlight, queued }: DeploymentSnapshot,
  nameOf: (device: string) => string | null,
  dateOf: (ms: number) => string,
): OutageView | null {
  if (outage === null) return null;
  const { phase, since, phaseSince, device, seat, to } = outage;
  return {
    phase,
    since: dateOf(since),
    phaseSince: dateOf(phaseSince),
    device,
    deviceName: device === null ? null : nameOf(device),
    seat,
    to,
    toName: to === null ? null : nameOf(to),
    waiting: inFlight + queued,
  };
}

function seatView(seat: SeatSnapshot, nameOf: (device: string) => string | null): SeatView {
  return {
    seat: seat.seat,
    role: seat.role,
    device: seat.device,
    deviceName: seat.device === null ? null : nameOf(seat.device),
    state: seat.state,
    sentBytes: seat.progress?.sentBytes ?? 0,
    totalBytes: seat.progress?.totalBytes ?? 0,
    substitute: seat.substitute,
    substituteName: seat.substitute === null ? null : nameOf(seat.substitute),
    substituteState: seat.substituteState,
  };
}

/** Returns the gauges of a deployment for its latency recorder. */
export function requestGauges(
  deployment: DeploymentSnapshot,
  devices: readonly DeviceSnapshot[],
): { inFlight: number; late: number; corrupt: number } {
  const seated = new Set(deployment.seats.map(({ device }) => device));
  return {
    inFlight: deployment.inFlight + deployment.queued,
    late: devices.reduce((sum, { id, statistics }) => sum + (seated.has(id) ? statistics.late : 0), 0),
    corrupt: deployment.counters.corrupt,
  };
}
