'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { deviceCommands } from '../fleet/use-device-actions.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';

/** Fewer have their own button. */
const SEVERAL = 2;

/** Forgets all devices that have left and have no supervisor to revive them. */
export function ForgetDeparted({ devices }: { devices: readonly DeviceView[] }) {
  const [open, setOpen] = useState(false);
  const departed = devices.filter(({ connected, supervised }) => !connected && !supervised);
  if (departed.length < SEVERAL) return null;
  const names = departed.map(({ name }) => name).join(', ');
  return (
    <>
      <Button size="small" title={`Forget ${names}`} onClick={() => setOpen(true)}>
        <Trash2 />
        Forget {departed.length} departed devices
      </Button>
      <Confirm
        open={open}
        onOpenChange={setOpen}
        title={`Forget ${departed.length} devices?`}
        action={`Forget ${departed.length} devices`}
        onConfirm={() => {
          for (const device of departed) void deviceCommands.forget(device);
        }}
      >
        These devices leave the fleet for good: {names}. If one joins again, it is a new device. Their events
        are kept.
      </Confirm>
    </>
  );
}
