'use client';
import { ApiError, type DeploymentView, type DeviceView } from '@sparewheel/protocol';
import { useRouter } from 'next/navigation';
import { useCallback, useEffect, useRef } from 'react';
import { deviceCommands } from '../fleet/use-device-actions.ts';
import { askApi } from '../live-connection/api-client.ts';
import { DEMO_LOAD } from '../load/demo-load.ts';
import { toastError } from '../shell/errors.tsx';
import { isTyping } from '../ui/is-typing.ts';
import { leaveFullScreen } from './full-screen.ts';
import { readStage, rememberStage } from './stage-memory.ts';
import { assignKeys, type StageDevice, type StageSlots, stageDevices } from './stage-view.ts';

/**
 * The actions of the stage. Leaving it undoes them, also after a reload: it revives devices and stops the load that was
 * started here.
 */
export function useStage(deployment: DeploymentView | null, devices: readonly DeviceView[]) {
  const router = useRouter();
  const name = deployment?.name ?? null;
  const loading = deployment?.load?.running === true;
  const known = useRef(devices);
  known.current = devices;

  /** Whether the stage was left. What the server accepts after that is undone at once. */
  const left = useRef(false);

  const toggleDevice = useCallback(async ({ device, action }: StageDevice) => {
    if (action === 'kill') {
      if (!(await deviceCommands.kill(device))) return;
      if (left.current) void deviceCommands.revive(device);
      else rememberStage({ killed: [...readStage().killed, device.id] });
    } else if (action === 'revive' && (await deviceCommands.revive(device))) {
      rememberStage({ killed: readStage().killed.filter((id) => id !== device.id) });
    }
  }, []);

  const toggleLoad = useCallback(async () => {
    if (name === null) return;
    try {
      if (loading) await askApi('DELETE', loadPath(name));
      else await askApi('POST', loadPath(name), DEMO_LOAD);
    } catch (error) {
      toastError(error);
      return;
    }
    if (!loading && left.current) void stopLoad(name);
    else rememberStage({ loaded: loading ? null : name });
  }, [name, loading]);

  const restore = useCallback(() => {
    left.current = true;
    const { killed, loaded } = readStage();
    for (const device of known.current) {
      // Also one that is not reported as dead yet. A revive of a running device does nothing.
      if (killed.includes(device.id)) void deviceCommands.revive(device);
    }
    if (loaded !== null) void stopLoad(loaded);
    rememberStage({ killed: [], loaded: null });
  }, []);

  const leave = useCallback(() => {
    restore();
    leaveFullScreen();
    router.push(name === null ? '/' : `/?deployment=${encodeURIComponent(name)}`);
  }, [restore, router, name]);

  // The "back" button leaves the stage, too.
  useEffect(() => {
    left.current = false;
    return restore;
  }, [restore]);

  return { toggleDevice, toggleLoad, leave };
}

/** Returns the devices with their keys. A device keeps its key while others join and leave, and over a reload. */
export function useStageDevices(devices: readonly DeviceView[]) {
  const slots = useRef<StageSlots | null>(null);
  slots.current = assignKeys(slots.current ?? readStage().keys, devices);
  const keys = slots.current;
  const text = keys.join();
  useEffect(() => rememberStage({ keys }), [text]);
  return stageDevices(devices, keys);
}

/** Handles the keys of the stage: 1 to 9 toggle devices, l the load, f and Escape leave. */
export function useStageKeys(
  devices: readonly StageDevice[],
  {
    toggleDevice,
    toggleLoad,
    leave,
  }: Pick<ReturnType<typeof useStage>, 'toggleDevice' | 'toggleLoad' | 'leave'>,
): void {
  const latest = useRef({ devices, toggleDevice, toggleLoad, leave });
  latest.current = { devices, toggleDevice, toggleLoad, leave };
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { devices, toggleDevice, toggleLoad, leave } = latest.current;
      if (event.defaultPrevented || event.repeat || isTyping(event)) return;
      if (event.key === 'Escape' || event.key === 'f') leave();
      else if (event.key === 'l') toggleLoad();
      else {
        const pressed = devices.find(({ key }) => key === event.key);
        if (pressed === undefined) return;
        toggleDevice(pressed);
      }
      event.preventDefault();
    };
    // In full screen, the browser itself takes Escape, and the page only sees the change.
    let full = document.fullscreenElement !== null;
    const changed = () => {
      const left = full && document.fullscreenElement === null;
      full = document.fullscreenElement !== null;
      if (left) latest.current.leave();
    };
    window.addEventListener('keydown', listen);
    document.addEventListener('fullscreenchange', changed);
    return () => {
      window.removeEventListener('keydown', listen);
      document.removeEventListener('fullscreenchange', changed);
    };
  }, []);
}

function loadPath(name: string): string {
  return `/api/deployments/${encodeURIComponent(name)}/load`;
}

/** Stops a load. A deployment that was deleted has none. */
async function stopLoad(name: string): Promise<void> {
  try {
    await askApi('DELETE', loadPath(name));
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) toastError(error);
  }
}
