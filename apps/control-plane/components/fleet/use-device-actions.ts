'use client';
import { type DeviceView, type FaultRequest, faultWords } from '@sparewheel/protocol';
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

/** Injects and ends faults, releases and forgets devices. Errors appear at the device. A kill and a revive return whether the server accepted them. */
export const deviceCommands = {
  kill: (device: DeviceView) => fault(device, 'kill', { kind: 'kill' }),
  /** Restarts a dead process, and continues a paused one. */
  revive: (device: DeviceView) =>
    device.state === 'paused'
      ? fault(device, 'revive', { kind: 'resume' })
      : act(device, 'revive', 'POST', '/revive'),
  release: (device: DeviceView) => void act(device, 'release', 'POST', '/release'),
  forget: async (device: DeviceView) => {
    if (await act(device, 'forget', 'DELETE', '')) toast(`${device.name} is forgotten.`);
  },
  heal: (device: DeviceView) => void fault(device, 'fault', { kind: 'heal' }),
  inflict: async (device: DeviceView, choice: FaultChoice) => {
    if (!(await fault(device, 'fault', choice.request))) return;
    toast(`${choice.label}: ${device.name} ${choice.effect}.`, {
      action: { label: 'Undo', onClick: () => void fault(device, 'fault', choice.undo) },
    });
  },
};

function fault(device: DeviceView, action: PendingAction, request: FaultRequest): Promise<boolean> {
  return act(device, action, 'POST', '/faults', request);
}

/** Sends one action. @returns whether the server accepted it */
async function act(
  device: DeviceView,
  action: PendingAction,
  method: 'POST' | 'DELETE',
  path: '' | '/faults' | '/revive' | '/release',
  body?: FaultRequest,
): Promise<boolean> {
  const { id } = device;
  actionStore.setState(({ pending, problems }) => ({
    pending: new Map(pending).set(id, { action, look: lookOf(device) }),
    problems: without(problems, id),
  }));
  try {
    await askApi(method, `/api/devices/${encodeURIComponent(id)}${path}`, body);
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
  return [device.state, device.processId, ...device.faults.map(faultWords)].join('|');
}

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  if (!map.has(key)) return map;
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
