import type { DeploymentView, DeviceRole, DeviceState, DeviceView, SeatView } from '@sparewheel/protocol';
import { seatLabel } from '../ui/format.ts';

export type Tone = 'ok' | 'warning' | 'danger' | 'muted';

/** An action on a device whose effect is not visible yet. */
export type PendingAction = 'kill' | 'revive' | 'release' | 'forget' | 'fault';

/** One device in the fleet, as the selected deployment uses it. */
export interface FleetRow {
  readonly device: DeviceView;
  readonly role: DeviceRole;
  /**
   * "Data 2", "Parity 4", "Standby", "No seat", "Not used". The number is that of the seat and its shard. A device on
   * standby can take a seat over. A dead device cannot. A deployment that runs on the data plane uses no device.
   */
  readonly roleLabel: string;
  readonly seat: SeatView | null;
  readonly tone: Tone;
  readonly stateLabel: string;
  /** The device answers nothing at the moment. */
  readonly missing: boolean;
  /** How its answers are replaced: "recovered by parity local-5"; null if nothing is missing. */
  readonly cover: string | null;
  /** Requests wait for another device to take its seat over. */
  readonly waiting: boolean;
  /** The ids of the parity devices that recover its shard. */
  readonly coveredBy: readonly string[];
  /** Progress of its shard's transfer, 0 to 1; null without a transfer. */
  readonly installing: number | null;
  readonly pending: PendingAction | null;
  /** The selected deployment, if it uses no device at all; null otherwise. */
  readonly unusedBy: string | null;
}

const STATES: Record<DeviceState, { label: string; tone: Tone; missing: boolean }> = {
  joining: { label: 'Joining', tone: 'muted', missing: true },
  ready: { label: 'Ready', tone: 'ok', missing: false },
  silent: { label: 'Not answering', tone: 'warning', missing: true },
  paused: { label: 'Paused', tone: 'warning', missing: true },
  dead: { label: 'Dead', tone: 'danger', missing: true },
  lost: { label: 'Connection lost', tone: 'danger', missing: true },
  quarantined: { label: 'In quarantine', tone: 'danger', missing: true },
};

/**
 * Returns the fleet in the order of the seats: data, parity, replicas. Devices without a seat follow, by name.
 * @param pending  by device id
 */
export function fleetRows(
  devices: readonly DeviceView[],
  deployment: DeploymentView | null,
  pending: ReadonlyMap<string, PendingAction>,
): FleetRow[] {
  const seats = deployment?.progress.seats ?? [];
  const seatOf = new Map(seats.flatMap((seat) => (seat.device === null ? [] : [[seat.device, seat]])));
  const stateOf = new Map(devices.map((device) => [device.id, device.state]));
  const mayRescue = deployment?.policy.rescue === 'data-plane';
  const unusedBy = deployment !== null && deployment.coverage === null ? deployment.name : null;
  const cover = coverOf(seats, (seat) => isMissing(seat, stateOf), mayRescue);

  const rows = devices.map((device): FleetRow => {
    const seat = seatOf.get(device.id) ?? null;
    const role = seat?.role ?? (deployment === null ? (device.roles[0] ?? 'standby') : 'standby');
    const state = STATES[device.state];
    const missing = state.missing || (seat !== null && seat.state !== 'ready');
    const installing =
      seat?.state === 'installing' ? (seat.totalBytes === 0 ? 0 : seat.sentBytes / seat.totalBytes) : null;
    const covered = seat === null ? undefined : cover.get(seat.seat);
    const waiting = covered?.waiting ?? false;
    return {
      device,
      role,
      roleLabel:
        role !== 'standby'
          ? seatLabel(role, seat?.seat ?? null)
          : state.missing
            ? 'No seat'
            : unusedBy === null
              ? 'Standby'
              : 'Not used',
      seat,
      tone: installing !== null && state.tone === 'ok' ? 'muted' : state.tone,
      stateLabel: installing !== null && device.state === 'ready' ? 'Receiving its shard' : state.label,
      missing,
      cover: waiting && installing !== null ? 'requests wait for it' : (covered?.text ?? null),
      waiting,
      coveredBy: covered?.devices ?? [],
      installing,
      pending: pending.get(device.id) ?? null,
      unusedBy,
    };
  });
  return rows.sort((a, b) => compareRows(a, b, a.seat?.seat, b.seat?.seat));
}

/**
 * Compares two rows by their places, then by name, then by id. A row without a place comes last.
 * @param placeA  undefined without a place
 */
export function compareRows(
  { device: a }: FleetRow,
  { device: b }: FleetRow,
  placeA = Number.MAX_SAFE_INTEGER,
  placeB = Number.MAX_SAFE_INTEGER,
): number {
  return placeA - placeB || NAMES.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
}

/** Returns whether two rows look the same. Compares devices and seats by identity. */
export function sameRow(a: FleetRow, b: FleetRow): boolean {
  return (Object.keys(a) as (keyof FleetRow)[]).every(
    (key) => a[key] === b[key] || (key === 'coveredBy' && a.coveredBy.join() === b.coveredBy.join()),
  );
}

/** Returns why a device is missing. A browser tab has no process that a signal could end. */
export function endReason({ reason, platform }: Pick<DeviceView, 'reason' | 'platform'>): string | null {
  const isTab = /, (Edg|Firefox|Chrome|Safari|browser)\b/.test(platform);
  return isTab && reason?.startsWith('killed by ') ? 'ended in its browser tab' : reason;
}

/** Summarizes the fleet: "6 devices, all ready", "6 devices, 1 not serving". */
export function fleetSummary(rows: readonly FleetRow[]): string {
  const down = rows.filter((row) => STATES[row.device.state].missing).length;
  const size = `${rows.length} ${rows.length === 1 ? 'device' : 'devices'}`;
  return down === 0 ? `${size}, all ready` : `${size}, ${down} not serving`;
}

function isMissing(seat: SeatView, stateOf: ReadonlyMap<string, DeviceState>): boolean {
  const state = seat.device === null ? undefined : stateOf.get(seat.device);
  return seat.state !== 'ready' || state === undefined || STATES[state].missing;
}

/**
 * Says how each missing data seat is replaced. d missing data shards need d live parity shards. With fewer, the data
 * plane computes the missing shards, or requests wait for other devices. A shard that a substitute computes is not
 * missing.
 */
function coverOf(
  seats: readonly SeatView[],
  missing: (seat: SeatView) => boolean,
  mayRescue: boolean,
): ReadonlyMap<number, { text: string; devices: readonly string[]; waiting: boolean }> {
  const down = seats.filter((seat) => seat.role === 'data' && missing(seat));
  const uncovered = down.filter((seat) => !isSubstituted(seat));
  const parity = seats
    .filter((seat) => seat.role === 'parity' && (!missing(seat) || isSubstituted(seat)))
    .slice(0, uncovered.length);
  const repaired = uncovered.length <= parity.length;
  const names = parity
    .map((seat) => (missing(seat) ? seat.substituteName : seat.deviceName) ?? `seat ${seat.seat}`)
    .join(' + ');
  const cover = repaired
    ? {
        text: `recovered by parity ${names}`,
        devices: parity.flatMap((seat) => (missing(seat) ? [] : (seat.device ?? []))),
        waiting: false,
      }
    : mayRescue
      ? { text: 'rescued by the data plane', devices: [], waiting: false }
      : { text: 'waiting for another device', devices: [], waiting: true };
  return new Map(
    down.map((seat) => {
      const { substituteName, substituteState } = seat;
      if (substituteName == null || (repaired && !isSubstituted(seat))) return [seat.seat, cover];
      const loading = substituteState === 'loading';
      const text = `${loading ? 'loaded' : 'computed'} by ${substituteName} as a second task`;
      return [seat.seat, { text, devices: [], waiting: loading }];
    }),
  );
}

/** Returns whether another device computes the shard as a second task. */
function isSubstituted({ substituteName, substituteState }: SeatView): boolean {
  return substituteName != null && substituteState === 'computing';
}

const NAMES = new Intl.Collator('en', { numeric: true });
