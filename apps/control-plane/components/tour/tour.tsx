'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Clapperboard, X } from 'lucide-react';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { useTour } from './use-tour.ts';

/** The button that starts the tour, and its captions while it plays. */
export function Tour({ deployment }: { deployment: DeploymentView }) {
  const { possible, playing, play, leave } = useTour(deployment);
  const step = playing?.steps[playing.at];
  return (
    <>
      <Button
        variant="quiet"
        disabled={playing !== null || !possible || deployment.load?.running === true}
        title="Plays one minute: starts load, kills a device, shows what it costs, revives it. Leaves everything as it was."
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
              aria-label="Leave the tour and undo what it did"
              title="Leave the tour"
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
