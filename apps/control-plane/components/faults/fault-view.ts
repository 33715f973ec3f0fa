import type { DeviceView, FaultRequest } from '@sparewheel/protocol';

/** A fault that the dashboard offers: what it is called, what it will do, and what undoes it. */
export interface FaultChoice {
  readonly id: string;
  readonly label: string;
  /** One sentence for people, without the device's name: "stops answering, its connection stays open". */
  readonly effect: string;
  readonly request: FaultRequest;
  readonly undo: FaultRequest;
}

const HEAL: FaultRequest = { kind: 'heal' };

/** Beside kill and revive, which have buttons of their own. Median and sigma of the WiFi delay fit the paper's Fig. 1. */
export const FAULTS: readonly FaultChoice[] = [
  {
    id: 'pause',
    label: 'Pause',
    effect: 'stops its process (SIGSTOP); everything it holds stays',
    request: { kind: 'pause' },
    undo: { kind: 'resume' },
  },
  {
    id: 'partition',
    label: 'Partition',
    effect: 'stays connected, but nothing gets through',
    request: { kind: 'partition' },
    undo: HEAL,
  },
  {
    id: 'delay',
    label: 'Delay 50 ms',
    effect: 'waits 50 ms before each answer',
    request: { kind: 'delay', ms: 50, sigma: 0 },
    undo: HEAL,
  },
  {
    id: 'wifi',
    label: 'WiFi delay (log-normal)',
    effect: 'waits as a busy WiFi does before each answer: median 65 ms, long tail',
    request: { kind: 'delay', ms: 65, sigma: 0.6 },
    undo: HEAL,
  },
  {
    id: 'slow',
    label: 'Slow × 10',
    effect: 'takes ten times as long to compute',
    request: { kind: 'slow', factor: 10 },
    undo: HEAL,
  },
  {
    id: 'drop',
    label: 'Drop 30 %',
    effect: 'keeps three of ten answers to itself',
    request: { kind: 'drop', probability: 0.3 },
    undo: HEAL,
  },
  {
    id: 'corrupt',
    label: 'Corrupt',
    effect: 'adds 1 to one value of each answer',
    request: { kind: 'corrupt', amount: 1, probability: 1 },
    undo: HEAL,
  },
];

/** Which of its buttons a device offers now. A process that a supervisor does not look after cannot be revived. */
export function deviceActions(device: DeviceView): {
  kill: boolean;
  revive: boolean;
  heal: boolean;
  fault: boolean;
} {
  const gone = device.state === 'dead' || device.state === 'lost';
  return {
    kill: !gone,
    revive: device.state === 'dead' || device.state === 'paused' || (gone && device.supervised),
    heal: !gone && device.faults.length > 0,
    fault: !gone,
  };
}

export function killTitle(device: DeviceView): string {
  return device.supervised
    ? `Kill ${device.name}: ends its process at once (SIGKILL). Revive undoes it.`
    : `Kill ${device.name}: ends its process at once. Nobody looks after it here: start its agent again to undo it.`;
}

export function reviveTitle(device: DeviceView): string {
  return device.state === 'paused'
    ? `Revive ${device.name}: lets its process go on (SIGCONT).`
    : `Revive ${device.name}: starts its process again. It still holds its shard, nothing is sent to it.`;
}
