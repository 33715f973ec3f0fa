'use client';
import type { ModelView } from '@sparewheel/protocol';
import { Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { askApi, toApiError } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';

export function DeleteModel({ model: { name } }: { model: ModelView }) {
  const [asking, setAsking] = useState(false);
  const router = useRouter();

  async function remove() {
    try {
      await askApi('DELETE', `/api/models/${encodeURIComponent(name)}`);
      toast(`Model ${name} is deleted.`);
      router.push('/models');
    } catch (error) {
      const { message, hint } = toApiError(error);
      toast.error(message, { description: hint });
    }
  }

  return (
    <>
      <Button variant="danger" size="small" onClick={() => setAsking(true)}>
        <Trash2 />
        Delete…
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Delete model ${name}?`}
        action={`Delete ${name}`}
        onConfirm={() => void remove()}
      >
        Its file and its profile are removed from the control plane. A model that a deployment uses is not
        deleted; to have it again, upload it again.
      </Confirm>
    </>
  );
}
