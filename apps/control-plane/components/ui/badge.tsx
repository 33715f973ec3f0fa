import type { DeviceRole } from '@sparewheel/protocol';
import type { ComponentProps } from 'react';
import { cn } from './class-names.ts';

const ROLES: Record<DeviceRole, string> = {
  data: 'bg-data-wash text-data-ink',
  parity: 'bg-parity-wash text-parity-ink',
  replica: 'bg-data-wash text-data-ink',
  standby: 'bg-idle-wash text-idle-ink',
};

export function Badge({ className, ...props }: ComponentProps<'span'>) {
  return (
    <span
      className={cn(
        'inline-flex h-5 items-center gap-1 rounded-md px-1.5 text-xs font-medium whitespace-nowrap',
        className,
      )}
      {...props}
    />
  );
}

/** A role in its color. */
export function RoleBadge({ role, children }: { role: DeviceRole; children: string }) {
  return <Badge className={ROLES[role]}>{children}</Badge>;
}
