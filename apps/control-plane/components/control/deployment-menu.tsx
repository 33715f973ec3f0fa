'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Ellipsis, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { askApi, toApiError } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { Menu, MenuContent, MenuItem, MenuTrigger } from '../ui/menu.tsx';

export function DeploymentMenu({ deployment: { name, model, k, r } }: { deployment: DeploymentView }) {
  const [asking, setAsking] = useState(false);

  async function remove() {
    try {
      await askApi('DELETE', `/api/deployments/${encodeURIComponent(name)}`);
      toast(`Deployment ${name} is deleted.`);
    } catch (error) {
      const { message, hint } = toApiError(error);
      toast.error(message, { description: hint });
    }
  }

  return (
    <>
      <Menu>
        <MenuTrigger asChild>
          <Button variant="quiet" size="icon" aria-label={`Actions for deployment ${name}`} title="Actions">
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuContent>
          <MenuItem onSelect={() => setAsking(true)} className="text-danger-ink">
            <Trash2 />
            Delete {name}…
          </MenuItem>
        </MenuContent>
      </Menu>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Delete deployment ${name}?`}
        action={`Delete ${name}`}
        onConfirm={() => void remove()}
      >
        Requests to {name} are refused from then on, and its {k + r} devices are free for others. The model{' '}
        {model} stays and can be deployed again; counters and latencies of {name} are gone.
      </Confirm>
    </>
  );
}
