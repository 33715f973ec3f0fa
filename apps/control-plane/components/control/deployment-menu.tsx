'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { Ellipsis, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { askApi } from '../live-connection/api-client.ts';
import { toastError } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { Menu, MenuContent, MenuItem, MenuTrigger } from '../ui/menu.tsx';

/** Actions on a deployment. Deleting asks for confirmation. */
export function DeploymentMenu({ deployment: { name, model, progress } }: { deployment: DeploymentView }) {
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => askApi('DELETE', `/api/deployments/${encodeURIComponent(name)}`),
    onSuccess: () => toast(`Deployment ${name} is deleted.`),
    onError: (error) => toastError(error),
  });

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
        onConfirm={() => remove.mutate()}
      >
        Requests to {name} will be rejected, and its {progress.seats.length} devices become free. Its counters
        and latencies are deleted. The model {model} stays and can be deployed again.
      </Confirm>
    </>
  );
}
