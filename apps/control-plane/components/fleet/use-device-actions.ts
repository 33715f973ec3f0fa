'use client';
import type { DeviceView, FaultRequest } from '@sparewheel/protocol';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { toast } from 'sonner';
import type { FaultChoice } from '../faults/fault-view.ts';
import { askApi, errorText, toApiError } from '../live-connection/api-client.ts';
import type { PendingAction } from './fleet-view.ts';

/** An accepted request whose effect is not seen after this long is no longer shown as on its way. */
const PENDING_AT_MOST_MS = 4_000;

/** What can be done to a device; the same object for as long as the page is. */
export interface DeviceCommands {
  kill(device: DeviceView): void;
  revive(device: DeviceView): void;
  inflict(device: DeviceView, choice: FaultChoice): void;
  heal(device: DeviceView): void;
}

export interface DeviceActions extends DeviceCommands {
  readonly commands: DeviceCommands;
  readonly pending: ReadonlyMap<string, PendingAction>;
  /** What went wrong with the last request, by device id. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Breaks and repairs devices: pending until the device's state changes, what goes wrong shown at the device. */
export function useDeviceActions(devices: readonly DeviceView[]): DeviceActions {
  const [pending, setPending] = useState<ReadonlyMap<string, PendingAction>>(new Map());
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const looks = useRef(new Map<string, string>());

  useEffect(() => {
    const changed = devices.filter((device) => looks.current.get(device.id) !== lookOf(device));
    looks.current = new Map(devices.map((device) => [device.id, lookOf(device)]));
    if (changed.length === 0) return;
    setPending((old) => without(old, ...changed.map((device) => device.id)));
  }, [devices]);

  const act = useCallback(async (device: DeviceView, action: PendingAction, fault: FaultRequest | null) => {
    setPending((old) => new Map(old).set(device.id, action));
    setProblems((old) => without(old, device.id));
    const path = `/api/devices/${encodeURIComponent(device.id)}/${fault === null ? 'revive' : 'faults'}`;
    try {
      await askApi('POST', path, fault ?? undefined);
      setTimeout(() => setPending((old) => without(old, device.id)), PENDING_AT_MOST_MS);
      return true;
    } catch (error) {
      const { message, hint } = toApiError(error);
      setPending((old) => without(old, device.id));
      setProblems((old) => new Map(old).set(device.id, errorText(error)));
      toast.error(`${device.name}: ${message}`, { description: hint });
      return false;
    }
  }, []);

  const commands = useMemo(
    (): DeviceCommands => ({
      kill: (device) => void act(device, 'kill', { kind: 'kill' }),
      revive: (device) => void act(device, 'revive', device.state === 'paused' ? { kind: 'resume' } : null),
      heal: (device) => void act(device, 'fault', { kind: 'heal' }),
      inflict: (device, choice) => {
        void act(device, 'fault', choice.request).then((done) => {
          if (!done) return;
          toast(`${choice.label}: ${device.name} ${choice.effect}.`, {
            action: { label: 'Undo', onClick: () => void act(device, 'fault', choice.undo) },
          });
        });
      },
    }),
    [act],
  );
  return { ...commands, commands, pending, problems };
}

/** What an action changes about a device. */
function lookOf(device: DeviceView): string {
  return [device.state, device.processId, ...device.faults].join('|');
}

function without<Value>(map: ReadonlyMap<string, Value>, ...keys: string[]): ReadonlyMap<string, Value> {
  if (!keys.some((key) => map.has(key))) return map;
  const copy = new Map(map);
  for (const key of keys) copy.delete(key);
  return copy;
}
