'use client';
import type { DeviceView, FaultRequest } from '@sparewheel/protocol';
import { toast } from 'sonner';
import { create } from 'zustand';
import type { FaultChoice } from '../faults/fault-view.ts';
import { askApi, errorText } from '../live-connection/api-client.ts';
import { toastError } from '../shell/errors.tsx';
import type { PendingAction } from './fleet-view.ts';

/** An accepted action without a visible effect is no longer shown as pending after this time. */
const PENDING_AT_MOST_MS = 4_000;

interface ActionState {
  /** Actions without a visible effect so far, by device id. `look`: how the device looked before the action. */
  readonly pending: ReadonlyMap<string, { readonly action: PendingAction; readonly look: string }>;
  /** The error of the last action, by device id. */
  readonly problems: ReadonlyMap<string, string>;
}

const actionStore = create<ActionState>(() => ({ pending: new Map(), problems: new Map() }));

/** Returns what the pages show about actions on devices. An action is pending until its device changes. */
export function useDeviceActions(devices: readonly DeviceView[]): {
  pending: ReadonlyMap<string, PendingAction>;
  problems: ReadonlyMap<string, string>;
} {
  const { pending, problems } = actionStore();
  const unchanged = devices.flatMap((device): [string, PendingAction][] => {
    const entry = pending.get(device.id);
    return entry?.look === lookOf(device) ? [[device.id, entry.action]] : [];
  });
  return { pending: new Map(unchanged), problems };
}

/** Injects and ends faults. Errors appear at the device. */
export const deviceCommands = {
  kill: (device: DeviceView) => void act(device, 'kill', { kind: 'kill' }),
  /** Restarts a dead process, continues a paused one, and ends a quarantine. */
  revive: (device: DeviceView) =>
    void act(device, 'revive', device.state === 'paused' ? { kind: 'resume' } : null),
  heal: (device: DeviceView) => void act(device, 'fault', { kind: 'heal' }),
  inflict: async (device: DeviceView, choice: FaultChoice) => {
    if (!(await act(device, 'fault', choice.request))) return;
    toast(`${choice.label}: ${device.name} ${choice.effect}.`, {
      action: { label: 'Undo', onClick: () => void act(device, 'fault', choice.undo) },
    });
  },
};

/** Sends one action. @returns whether the server accepted it */
async function act(device: DeviceView, action: PendingAction, fault: FaultRequest | null): Promise<boolean> {
  const { id } = device;
  actionStore.setState(({ pending, problems }) => ({
    pending: new Map(pending).set(id, { action, look: lookOf(device) }),
    problems: without(problems, id),
  }));
  const path = `/api/devices/${encodeURIComponent(id)}/${fault === null ? 'revive' : 'faults'}`;
  try {
    await askApi('POST', path, fault ?? undefined);
    setTimeout(() => settle(id), PENDING_AT_MOST_MS);
    return true;
  } catch (error) {
    settle(id);
    actionStore.setState(({ problems }) => ({ problems: new Map(problems).set(id, errorText(error)) }));
    toastError(error, `${device.name}: `);
    return false;
  }
}

function settle(id: string): void {
  actionStore.setState(({ pending }) => ({ pending: without(pending, id) }));
}

/** What an action changes about a device. */
function lookOf(device: DeviceView): string {
  return [device.state, device.processId, ...device.faults].join('|');
}

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  if (!map.has(key)) return map;
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
