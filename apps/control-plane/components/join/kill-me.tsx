'use client';
import { Skull } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';

/** Ends the device at once, as a power failure would. Asks once. */
export function KillMe({ name, onKill }: { name: string; onKill: () => void }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button variant="solidDanger" className="h-16 text-lg [&_svg]:size-6" onClick={() => setAsking(true)}>
        <Skull aria-hidden />
        Kill me
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Kill ${name}?`}
        action="Kill me"
        onConfirm={onKill}
      >
        The device ends at once. The fleet continues without it. Revive brings it back.
      </Confirm>
    </>
  );
}
