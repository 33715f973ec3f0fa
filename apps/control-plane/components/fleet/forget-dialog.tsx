'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { Confirm } from '../ui/confirm.tsx';
import { deviceCommands } from './use-device-actions.ts';

/** Asks before a device that has left is removed from the fleet. */
export function ForgetDialog({
  device,
  open,
  onOpenChange,
}: {
  device: DeviceView;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const { seats } = device;
  return (
    <Confirm
      open={open}
      onOpenChange={onOpenChange}
      title={`Forget ${device.name}?`}
      action={`Forget ${device.name}`}
      onConfirm={() => void deviceCommands.forget(device)}
    >
      It leaves the fleet for good{seats.length > 0 && ', and its shards move to a standby if one is free'}.
      If it joins again, it is a new device. Its events are kept.
    </Confirm>
  );
}
