'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Clapperboard, X } from 'lucide-react';
import { useEffect } from 'react';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { useTour } from './use-tour.ts';

/** The button that starts the tour, and its captions. */
export function Tour({ deployment }: { deployment: DeploymentView }) {
  const { possible, playing, play, leave } = useTour(deployment);
  useEscape(playing !== null, leave);
  const step = playing?.steps[playing.at];
  return (
    <>
      <Button
        variant="quiet"
        disabled={playing !== null || !possible || deployment.load?.running === true}
        title="One minute: starts a load, kills a device, shows the effect, and revives it. Undoes everything at the end."
        onClick={play}
      >
        <Clapperboard />
        Play the tour
      </Button>
      {playing !== null && step !== undefined && (
        <div className="fixed inset-x-4 bottom-4 z-40 mx-auto max-w-xl rounded-xl border border-line-strong bg-surface p-4 shadow-float">
          <div className="flex items-start gap-3">
            <p role="status" className="flex-1 text-[0.9375rem] leading-6">
              {step.caption}
            </p>
            <Button
              variant="quiet"
              size="icon"
              aria-label="Leave the tour and undo its actions"
              title="Leave the tour (Escape)"
              onClick={leave}
            >
              <X />
            </Button>
          </div>
          <div aria-hidden className="mt-3 flex gap-1">
            {playing.steps.map((each, index) => (
              <span
                key={each.caption}
                className={cn('h-1 flex-1 rounded-full', index <= playing.at ? 'bg-parity' : 'bg-raised')}
              />
            ))}
          </div>
        </div>
      )}
    </>
  );
}

/** Leaves the tour on Escape, unless Escape closes a menu or a dialog. */
function useEscape(active: boolean, leave: () => void): void {
  useEffect(() => {
    if (!active) return;
    const listen = (event: KeyboardEvent) => {
      const open = document.querySelector('[role=menu], [role=dialog], [role=alertdialog]') !== null;
      if (event.key === 'Escape' && !event.defaultPrevented && !open) leave();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [active, leave]);
}
