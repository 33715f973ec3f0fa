'use client';
import { Plus } from 'lucide-react';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { JoinCommand } from './join-command.tsx';
import { JoinInBrowser } from './join-in-browser.tsx';
import { useJoinToken } from './use-join-token.ts';

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
      <Ways />
    </Dialog>
  );
}

/** Inside the dialog, so that the token is forgotten when it closes. */
function Ways() {
  const join = useJoinToken();
  return (
    <>
      <h3 className="mt-4 mb-2 text-[0.8125rem] font-semibold">On a machine with a terminal</h3>
      <JoinCommand token={join.token} />
      <h3 className="mt-5 mb-1 text-[0.8125rem] font-semibold">In a browser</h3>
      <JoinInBrowser join={join} />
    </>
  );
}
