import type { TabDeviceState } from '@sparewheel/device/browser';
import type { JoinedLayerView, JoinedSeatView } from '@sparewheel/protocol';
import type { Tone } from '../fleet/fleet-view.ts';
import { formatBytes, formatMs } from '../ui/format.ts';

/** What the user can do in a state. */
export type JoinAction = 'revive' | 'heal' | 'new-identity' | 'other-token';

export interface JoinView {
  readonly tone: Tone;
  readonly headline: string;
  readonly detail: string;
  /** A temporary state that ends by itself. */
  readonly busy: boolean;
  readonly action: { readonly kind: JoinAction; readonly label: string } | null;
}

const view = (
  tone: Tone,
  headline: string,
  detail: string,
  options: { busy?: boolean; action?: JoinView['action'] } = {},
): JoinView => ({ tone, headline, detail, busy: options.busy ?? false, action: options.action ?? null });

/** Returns the state of the tab's device in one word and one sentence, and an action if one is needed. */
export function joinView({ phase, problem, report, killedBy }: TabDeviceState): JoinView {
  if (phase === 'killed') {
    const who = killedBy === 'page' ? 'You' : 'The dashboard';
    return view('danger', 'Killed', `${who} ended this device. The fleet continues without it.`, {
      action: { kind: 'revive', label: 'Revive' },
    });
  }
  if (phase === 'failed') {
    return view(
      'danger',
      'Not running',
      `This device ended: ${problem ?? 'unknown error'}. It restarts by itself.`,
      {
        action: { kind: 'revive', label: 'Try again' },
      },
    );
  }
  if (report === null) {
    return view('muted', 'Starting', 'Loading ONNX Runtime (3.7 MB) and verifying stored shards.', {
      busy: true,
    });
  }
  if (report.partitioned) {
    return view(
      'warning',
      'Partitioned',
      'An injected fault: the device is connected, but its messages are lost.',
      {
        action: { kind: 'heal', label: 'Heal' },
      },
    );
  }
  if (report.connection === 'joined') {
    return report.tasks > 0
      ? view('ok', 'Serving', 'Computing its part of each request to the deployments below.')
      : view('ok', 'Joined', 'On standby until a deployment sends a shard.');
  }
  if (report.refusal !== null) return refusalView(report.refusal);
  return report.connection === 'lost'
    ? view('danger', 'Connection lost', 'The fleet continues without this device. It reconnects by itself.', {
        busy: true,
      })
    : view('muted', 'Joining', 'Connecting to the data plane.', { busy: true });
}

function refusalView({ code, message }: { code: string; message: string }): JoinView {
  const sentence = `The data plane answered: ${message}.`;
  switch (code) {
    case 'unauthorized':
      return view('danger', 'Refused', sentence, {
        action: { kind: 'other-token', label: 'Use another token' },
      });
    case 'wrong-identity':
      return view('danger', 'Refused', sentence, {
        action: { kind: 'new-identity', label: 'Join as a new device' },
      });
    case 'wrong-protocol':
      return view('danger', 'Refused', `${sentence} Reload this page.`);
    default:
      return view('warning', 'Not joined yet', `${sentence} The device keeps trying.`, { busy: true });
  }
}

export interface JoinMeasure {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
}

/** Returns the measurements of the device: its speed, its shards and its memory. */
export function joinMeasures({ phase, report }: TabDeviceState): JoinMeasure[] {
  const files = report?.blobs ?? 0;
  const running = phase === 'running';
  const kept = running || report?.storage === 'lasting';
  return [
    {
      id: 'compute',
      label: 'Compute time',
      value: formatMs(report?.computeMs ?? null),
      hint: 'mean of the last 20',
    },
    {
      id: 'holds',
      label: 'Shards',
      value: formatBytes(kept ? (report?.storeBytes ?? 0) : 0),
      hint: `${kept ? files : 0} ${files === 1 && kept ? 'file' : 'files'}, ${running ? (report?.tasks ?? 0) : 0} loaded`,
    },
    {
      id: 'memory',
      label: 'Memory',
      value: report === null || !running ? '–' : formatBytes(report.memoryBytes),
      hint: 'WebAssembly and shards',
    },
  ];
}

/** Says that the device slept, for a while after it woke up; null otherwise. @param now  in ms since 1970 */
export function sleepNote({ report }: TabDeviceState, now: number): string | null {
  const slept = report?.slept ?? null;
  if (slept === null || now - slept.endedAt > SLEEP_SHOWN_MS) return null;
  const seconds = Math.round(slept.ms / 1_000);
  return `This device slept for ${seconds} seconds and answered nothing. The fleet continued without it, as after a failure. It returns by itself.`;
}

export const SLEEP_SHOWN_MS = 60_000;

/** One line about a layer: "fc1: rows 31 to 60 of 120". */
export function layerText({ layer, rows, of, kind }: JoinedLayerView): string {
  if (kind === 'whole') return `${layer}: the whole step`;
  if (rows === null) return `${layer}: the sum of all blocks (parity)`;
  const first = rows.from + 1;
  const range = first === rows.to ? `row ${first}` : `rows ${first} to ${rows.to}`;
  return `${layer}: ${range} of ${of ?? '?'}`;
}

/** "Seat 2 of lenet5, data" */
export function seatText({ deployment, seat, role }: JoinedSeatView): string {
  return `Seat ${seat} of ${deployment}, ${role}`;
}

/** Returns a name that differs between devices: the system, and four digits of the identity. */
export function defaultName(userAgent: string, deviceId: string): string {
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'browser';
  return `${system}-${deviceId.slice(-4)}`;
}

/** Returns the platform as the fleet shows it: "linux, Chrome 143". */
export function platformOf(userAgent: string): string {
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'unknown system';
  const [, browser = 'browser', version = ''] =
    BROWSERS.map((pattern) => pattern.exec(userAgent)).find(Boolean) ?? [];
  return `${system}, ${browser} ${version}`.trim();
}

/** Order matters: Android's user agent also contains "Linux". */
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/Android/, 'android'],
  [/iPhone/, 'iphone'],
  [/iPad/, 'ipad'],
  [/Windows/, 'windows'],
  [/Macintosh/, 'mac'],
  [/CrOS/, 'chromebook'],
  [/Linux/, 'linux'],
];
const BROWSERS = [/(Edg)\/(\d+)/, /(Firefox)\/(\d+)/, /(Chrome)\/(\d+)/, /(Safari)\/(\d+)/];
