import type { AnswerStatistics, DeviceView, FaultReportView } from '@sparewheel/protocol';
import { percentileText, stallRaises } from '../duel/duel-view.ts';
import { deviceActions } from '../faults/fault-view.ts';
import type { FleetRow } from '../fleet/fleet-view.ts';
import { STALL_MS } from '../kill-card/kill-sentence.ts';
import { formatCount, formatMs } from '../ui/format.ts';

/** Devices that a key kills and revives. */
const KEYS = 9;
const NAMES = new Intl.Collator('en', { numeric: true });

/** One large button: its device, its key, and what a press does. */
export interface StageDevice {
  readonly device: DeviceView;
  /** Its name. With two devices of the same name, also what tells them apart. */
  readonly label: string;
  /** "1" to "9". */
  readonly key: string;
  /** null if neither is possible now. */
  readonly action: 'kill' | 'revive' | null;
}

/** Device ids by key: the first has the key 1. null without a device. */
export type StageSlots = readonly (string | null)[];

/** A device that left and that the stage cannot bring back, such as a phone that closed its page. */
function hasLeft(device: DeviceView): boolean {
  return !device.connected && !device.supervised && deviceActions(device).kill === false;
}

/**
 * Gives a key to each new device: supervised devices first, then by name. A device keeps its key. The key of a device
 * that has left is used again only if no other key is free.
 */
export function assignKeys(before: StageSlots, devices: readonly DeviceView[]): StageSlots {
  const present = devices.filter((device) => !hasLeft(device));
  const ids = new Set(present.map(({ id }) => id));
  const slots = Array.from({ length: KEYS }, (_, at) => before[at] ?? null);
  const added = present
    .filter(({ id }) => !slots.includes(id))
    .sort(
      (a, b) =>
        Number(b.supervised) - Number(a.supervised) ||
        NAMES.compare(a.name, b.name) ||
        (a.id < b.id ? -1 : 1),
    );
  for (const { id } of added) {
    const free = slots.indexOf(null);
    const at = free >= 0 ? free : slots.findIndex((each) => each !== null && !ids.has(each));
    if (at < 0) break;
    slots[at] = id;
  }
  return slots;
}

/**
 * Returns the devices with a key, in the order of the keys. Devices that have left have no button.
 * @returns also the number of devices without a key
 */
export function stageDevices(
  devices: readonly DeviceView[],
  slots: StageSlots,
): {
  readonly shown: readonly StageDevice[];
  readonly others: number;
} {
  const present = devices.filter((device) => !hasLeft(device));
  const shown = slots.flatMap((id, at): StageDevice[] => {
    const device = present.find((each) => each.id === id);
    if (device === undefined) return [];
    const can = deviceActions(device);
    const action = can.revive ? 'revive' : can.kill && device.supervised ? 'kill' : null;
    return [{ device, label: labelOf(device, present), key: String(at + 1), action }];
  });
  return { shown, others: present.length - shown.length };
}

function labelOf({ id, name, platform }: DeviceView, devices: readonly DeviceView[]): string {
  const namesakes = devices.filter((each) => each.name === name && each.id !== id);
  if (namesakes.length === 0) return name;
  const detail = namesakes.every((each) => each.platform !== platform) ? platform : id.slice(-4);
  return `${name} · ${detail}`;
}

/** A larger wheel on the stage has names that overlap. */
const ON_WHEEL = 8;

/** Returns the devices of the stage's wheel: of a large fleet only those with a seat. */
export function stageWheel(rows: readonly FleetRow[]): {
  readonly shown: readonly FleetRow[];
  readonly others: number;
} {
  const present = rows.filter(({ seat, device }) => seat !== null || !hasLeft(device));
  const seated = present.filter(({ seat }) => seat !== null);
  const shown = present.length <= ON_WHEEL || seated.length === 0 ? present : seated;
  return { shown, others: present.length - shown.length };
}

export interface StageNumber {
  readonly key: string;
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone: 'ok' | 'danger' | 'plain' | 'quiet';
}

/** What the stage shows of one lane. */
export interface StageLane {
  readonly statistics: AnswerStatistics | null;
  /** Requests that neither ended nor are in flight; null if unknown. */
  readonly lost: number | null;
  /** Requests that wait in an outage; 0 without one. */
  readonly waiting: number;
  /** See `pauseOf`. */
  readonly pauseMs: number | null;
}

const NONE = '–';

/**
 * Returns the longest time without an answer since the last fault of a deployment's device; null without a fault since
 * the statistics began.
 */
export function pauseOf(
  reports: readonly FaultReportView[],
  statistics: AnswerStatistics | null,
): number | null {
  for (const { at, deployments } of reports) {
    const impact = deployments.find(({ deployment }) => deployment === statistics?.deployment);
    if (statistics === null || impact?.seated !== true) continue;
    // The report has whole milliseconds.
    return Date.parse(at) >= statistics.since - 1 ? impact.longestSilenceMs : null;
  }
  return null;
}

/** Returns the four numbers of the stage. */
export function stageNumbers(coded: StageLane, uncoded: StageLane): readonly StageNumber[] {
  return [
    availability('coded', 'Coded', coded),
    availability('uncoded', 'Uncoded', uncoded),
    slowest('coded-p99', 'Coded: p99', coded.statistics),
    slowest('uncoded-p99', 'Uncoded: p99', uncoded.statistics),
  ];
}

/** The worst that happened: requests that wait, requests that failed, or the longest pause since the last fault. */
function availability(
  key: string,
  name: string,
  { statistics, lost, waiting, pauseMs }: StageLane,
): StageNumber {
  if (waiting > 0) {
    const note = waiting === 1 ? 'request' : 'requests';
    return { key, label: `${name}: waiting`, value: formatCount(waiting), note, tone: 'danger' };
  }
  const label = `${name}: failed`;
  if (statistics === null) return { key, label, value: NONE, note: 'no requests yet', tone: 'quiet' };
  const { answered, failed, wrong } = statistics;
  const bad = failed + wrong + (lost ?? 0);
  const requests = answered + failed + wrong;
  const of = `of ${formatCount(requests)}`;
  if (bad === 0 && pauseMs !== null) {
    return {
      key,
      label: `${name}: longest pause`,
      value: formatMs(pauseMs),
      note: `0 failed ${of}`,
      tone: pauseMs >= STALL_MS ? 'danger' : 'ok',
    };
  }
  const tone = bad > 0 ? 'danger' : requests === 0 ? 'quiet' : 'ok';
  return { key, label, value: formatCount(bad), note: of, tone };
}

function slowest(key: string, label: string, statistics: AnswerStatistics | null): StageNumber {
  const value = percentileText(statistics, 'p99');
  return {
    key,
    label,
    value,
    note: value === NONE ? 'no answers yet' : `p50 ${percentileText(statistics, 'p50')}`,
    tone: stallRaises(statistics, 'p99') ? 'danger' : value === NONE ? 'quiet' : 'plain',
  };
}
