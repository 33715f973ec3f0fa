import type { TabDeviceState } from '@sparewheel/device/browser';
import type { Tone } from '../fleet/fleet-view.ts';
import { formatBytes, formatCount, formatMs } from '../ui/format.ts';

/** What a person can do about the state that the page shows. */
export type JoinAction = 'revive' | 'heal' | 'new-identity' | 'other-token';

export interface JoinView {
  readonly tone: Tone;
  readonly headline: string;
  readonly detail: string;
  /** Something is going on that ends by itself. */
  readonly busy: boolean;
  readonly action: { readonly kind: JoinAction; readonly label: string } | null;
}

const view = (
  tone: Tone,
  headline: string,
  detail: string,
  options: { busy?: boolean; action?: JoinView['action'] } = {},
): JoinView => ({ tone, headline, detail, busy: options.busy ?? false, action: options.action ?? null });

/** How the tab's device is, in one word, one sentence, and what to do where something is to be done. */
export function joinView({ phase, problem, report }: TabDeviceState): JoinView {
  if (phase === 'killed') {
    return view(
      'danger',
      'Killed',
      'The dashboard ended this device at once. The fleet goes on without it.',
      {
        action: { kind: 'revive', label: 'Revive' },
      },
    );
  }
  if (phase === 'failed') {
    return view(
      'danger',
      'Not running',
      `This device ended: ${problem ?? 'nobody knows why'}. It starts again by itself.`,
      {
        action: { kind: 'revive', label: 'Try again' },
      },
    );
  }
  if (report === null) {
    return view('muted', 'Starting', 'Loads ONNX Runtime (3.7 MB) and verifies the shards that it holds.', {
      busy: true,
    });
  }
  if (report.partitioned) {
    return view('warning', 'Partitioned', 'As asked for: connected, but nothing gets through.', {
      action: { kind: 'heal', label: 'Heal' },
    });
  }
  if (report.connection === 'joined') {
    return report.tasks > 0
      ? view('ok', 'Serving', 'Computes its share of every request.')
      : view('ok', 'Joined', 'A spare: waits until a deployment gives it a shard.');
  }
  if (report.refusal !== null) return refusalView(report.refusal);
  return report.connection === 'lost'
    ? view(
        'danger',
        'Connection lost',
        'The fleet goes on without this device, which reconnects by itself.',
        {
          busy: true,
        },
      )
    : view('muted', 'Joining', 'Connects to the data plane.', { busy: true });
}

function refusalView({ code, message }: { code: string; message: string }): JoinView {
  const sentence = `The data plane says: ${message}.`;
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
      return view('warning', 'Not let in yet', `${sentence} It keeps asking.`, { busy: true });
  }
}

export interface JoinMeasure {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
}

/** What the device does and takes, for a person to read. */
export function joinMeasures({ phase, report }: TabDeviceState): JoinMeasure[] {
  const files = report?.blobs ?? 0;
  const running = phase === 'running';
  const kept = running || report?.storage === 'lasting';
  return [
    { id: 'answers', label: 'Answers given', value: formatCount(report?.answers ?? 0) },
    {
      id: 'compute',
      label: 'Compute, each',
      value: formatMs(report?.computeMs ?? null),
      hint: 'mean of the last 20',
    },
    {
      id: 'holds',
      label: 'Holds',
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

/** A name that tells the devices of a fleet apart: the system, and four digits of the device's own. */
export function defaultName(userAgent: string, deviceId: string): string {
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'browser';
  return `${system}-${deviceId.slice(-4)}`;
}

/** "Linux, Chrome 143": what the fleet shows as the device's platform. */
export function platformOf(userAgent: string): string {
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'unknown system';
  const [, browser = 'browser', version = ''] =
    BROWSERS.map((pattern) => pattern.exec(userAgent)).find(Boolean) ?? [];
  return `${system}, ${browser} ${version}`.trim();
}

/** The first that matches counts: Android says Linux as well, and an iPad may say Macintosh. */
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
