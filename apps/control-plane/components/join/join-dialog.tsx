'use client';
import { useMutation } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { askApi } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { AddressField, CommandFor } from './join-command.tsx';
import { JoinInBrowser } from './join-in-browser.tsx';
import { useJoinAddress } from './use-join-address.ts';

/** Explains how another machine, or this browser, becomes a device. */
export function JoinDialog() {
  return (
    <Dialog
      title="Add a device"
      description="Any computer or phone can join. A new device takes a free seat or goes on standby."
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

/** Mounted only while the dialog is open, so that the page forgets the join token when it closes. */
function Ways() {
  const token = useMutation({
    mutationFn: () => askApi<{ token: string }>('GET', '/api/join'),
    gcTime: 0,
  });
  const shown = token.data?.token ?? null;
  const address = useJoinAddress();
  return (
    <>
      <div className="mt-4 flex flex-col gap-3">
        <AddressField address={address} />
      </div>
      <h3 className="mt-5 mb-2 text-[0.8125rem] font-semibold">On a machine with a terminal</h3>
      <CommandFor address={address.chosen} token={shown} />
      <h3 className="mt-5 mb-1 text-[0.8125rem] font-semibold">In a browser</h3>
      <JoinInBrowser
        address={address.chosen}
        token={shown}
        loading={token.isPending}
        error={token.error}
        onShow={() => token.mutate()}
        onHide={token.reset}
      />
    </>
  );
}
