import type { TabDeviceState } from '@sparewheel/device/browser';
import type { Tone } from '../fleet/fleet-view.ts';
import { formatBytes, formatCount, formatMs } from '../ui/format.ts';

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
export function joinView({ phase, problem, report }: TabDeviceState): JoinView {
  if (phase === 'killed') {
    return view('danger', 'Killed', 'The dashboard ended this device. The fleet continues without it.', {
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
      ? view('ok', 'Serving', 'Computing its part of every request.')
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

/** Returns the measurements of the device: its answers, its shards and its memory. */
export function joinMeasures({ phase, report }: TabDeviceState): JoinMeasure[] {
  const files = report?.blobs ?? 0;
  const running = phase === 'running';
  const kept = running || report?.storage === 'lasting';
  return [
    { id: 'answers', label: 'Answers', value: formatCount(report?.answers ?? 0) },
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
