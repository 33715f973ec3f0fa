import type { DeviceView, FaultRequest } from '@sparewheel/protocol';

/** A fault that the dashboard offers: its label, its effect, and the request that undoes it. */
export interface FaultChoice {
  readonly id: string;
  readonly label: string;
  /** Follows the device's name: "stops answering, its connection stays open". */
  readonly effect: string;
  readonly request: FaultRequest;
  readonly undo: FaultRequest;
}

const HEAL: FaultRequest = { kind: 'heal' };

/** The faults of the menu. Kill and revive have their own buttons. */
export const FAULTS: readonly FaultChoice[] = [
  {
    id: 'pause',
    label: 'Pause',
    effect: 'stops its process (SIGSTOP) and keeps its memory',
    request: { kind: 'pause' },
    undo: { kind: 'resume' },
  },
  {
    id: 'partition',
    label: 'Partition',
    effect: 'stays connected, but its messages are lost',
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
    id: 'slow',
    label: 'Slow × 10',
    effect: 'computes ten times as long',
    request: { kind: 'slow', factor: 10 },
    undo: HEAL,
  },
  {
    id: 'drop',
    label: 'Drop 30 %',
    effect: 'drops three of ten answers',
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

/** Returns the actions that a device offers in its state. Only a supervised process can be revived. */
export function deviceActions(device: DeviceView): {
  kill: boolean;
  revive: boolean;
  release: boolean;
  forget: boolean;
  heal: boolean;
  fault: boolean;
} {
  const gone = device.state === 'dead' || device.state === 'lost';
  return {
    kill: !gone,
    revive: ['dead', 'paused'].includes(device.state) || (gone && device.supervised),
    release: device.state === 'quarantined',
    forget: !device.connected,
    heal: !gone && device.faults.length > 0,
    fault: !gone,
  };
}

/** @param unusedBy  the selected deployment, if it uses no device; null otherwise */
export function killTitle(device: DeviceView, unusedBy: string | null = null): string {
  const unused = unusedBy === null ? '' : ` ${unusedBy} does not use this device.`;
  return device.supervised
    ? `Kill ${device.name}: ends its process at once (SIGKILL). Revive restarts it.${unused}`
    : `Kill ${device.name}: ends its process at once. It has no supervisor, so only you can restart its agent.${unused}`;
}

export function reviveTitle(device: DeviceView): string {
  return device.state === 'paused'
    ? `Revive ${device.name}: continues its process (SIGCONT).`
    : `Revive ${device.name}: restarts its process. Only files that it does not have are sent.`;
}

export function releaseTitle(device: DeviceView): string {
  return `Release ${device.name}: ends its quarantine. Its answers are used again.`;
}

export function forgetTitle(device: DeviceView): string {
  return `Forget ${device.name}: removes it from the fleet. If it joins again, it is a new device.`;
}
