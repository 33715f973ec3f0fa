import type { AnswerStatistics, DeploymentView, DeviceView } from '@sparewheel/protocol';
import { deviceActions } from '../faults/fault-view.ts';
import { formatCount, formatMs } from '../ui/format.ts';

/** Devices that a key kills and revives. */
const KEYS = 9;
const NAMES = new Intl.Collator('en', { numeric: true });

/** One large button: its device, its key, and what a press does. */
export interface StageDevice {
  readonly device: DeviceView;
  /** "1" to "9". */
  readonly key: string;
  /** null if neither is possible now. */
  readonly action: 'kill' | 'revive' | null;
}

/**
 * Returns the devices with a key, by name: the order never changes while devices die and return.
 * @returns also the number of devices without a key
 */
export function stageDevices(devices: readonly DeviceView[]): {
  readonly shown: readonly StageDevice[];
  readonly others: number;
} {
  const sorted = [...devices].sort((a, b) => NAMES.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
  const shown = sorted.slice(0, KEYS).map((device, at): StageDevice => {
    const can = deviceActions(device);
    const action = can.revive ? 'revive' : can.kill && device.supervised ? 'kill' : null;
    return { device, key: String(at + 1), action };
  });
  return { shown, others: sorted.length - shown.length };
}

export interface StageNumber {
  readonly key: string;
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone: 'ok' | 'danger' | 'plain' | 'quiet';
}

const NONE = '–';

/** Returns the four numbers of the stage. @param lost  per lane; null if unknown */
export function stageNumbers(
  coded: AnswerStatistics | null,
  uncoded: AnswerStatistics | null,
  lost: { readonly coded: number | null; readonly uncoded: number | null },
  twin: DeploymentView | null,
): readonly StageNumber[] {
  const waiting = twin?.outage?.waiting ?? 0;
  const ofUncoded = unanswered('uncoded', 'Uncoded: failed', uncoded, lost.uncoded);
  return [
    unanswered('coded', 'Coded: failed', coded, lost.coded),
    waiting === 0
      ? ofUncoded
      : {
          key: ofUncoded.key,
          label: 'Uncoded: waiting',
          value: formatCount(waiting),
          note: waiting === 1 ? 'request' : 'requests',
          tone: 'danger',
        },
    slowest('coded-p99', 'Coded: p99', coded),
    slowest('uncoded-p99', 'Uncoded: p99', uncoded),
  ];
}

function unanswered(
  key: string,
  label: string,
  statistics: AnswerStatistics | null,
  lost: number | null,
): StageNumber {
  if (statistics === null) return { key, label, value: NONE, note: 'no requests yet', tone: 'quiet' };
  const { answered, failed, wrong } = statistics;
  const bad = failed + wrong + (lost ?? 0);
  const requests = answered + failed + wrong;
  return {
    key,
    label,
    value: formatCount(bad),
    note: `of ${formatCount(requests)}`,
    tone: bad > 0 ? 'danger' : requests === 0 ? 'quiet' : 'ok',
  };
}

function slowest(key: string, label: string, statistics: AnswerStatistics | null): StageNumber {
  const empty = statistics === null || statistics.histogram.length === 0;
  return {
    key,
    label,
    value: empty ? NONE : formatMs(statistics.p99),
    note: empty ? 'no answers yet' : `p50 ${formatMs(statistics.p50)}`,
    tone: empty ? 'quiet' : 'plain',
  };
}
