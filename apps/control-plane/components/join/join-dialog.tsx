'use client';
import { Plus } from 'lucide-react';
import Link from 'next/link';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { JoinCommand } from './join-command.tsx';

/** How another machine, or this browser, becomes a device. */
export function JoinDialog() {
  return (
    <Dialog
      title="Add a device"
      description="A Raspberry Pi, an old laptop, a phone: whatever joins takes a free seat or waits as a spare."
      trigger={
        <Button size="small">
          <Plus />
          Add a device
        </Button>
      }
    >
      <h3 className="mt-4 mb-2 text-[0.8125rem] font-semibold">On a machine with a terminal</h3>
      <JoinCommand />
      <h3 className="mt-5 mb-1 text-[0.8125rem] font-semibold">In a browser</h3>
      <p className="text-[0.8125rem] text-ink-soft">
        A tab computes as well, on a phone too, for as long as it is open.{' '}
        <Link href="/join" className="font-medium text-ink underline underline-offset-4">
          Use a browser as a device
        </Link>
      </p>
    </Dialog>
  );
}
