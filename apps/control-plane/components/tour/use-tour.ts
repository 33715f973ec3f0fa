'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { useCallback, useEffect, useRef, useState } from 'react';
import { fleetRows } from '../fleet/fleet-view.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { DEMO_LOAD } from '../load/demo-load.ts';
import { toastError } from '../shell/errors.tsx';
import { type TourAction, type TourStep, tourSteps, undoTour } from './tour-steps.ts';

interface Playing {
  readonly deployment: string;
  readonly steps: readonly TourStep[];
  readonly at: number;
}

/** Plays the tour of a deployment step by step, until it ends or is left. */
export function useTour(deployment: DeploymentView) {
  const devices = useLive('devices');
  const [playing, setPlaying] = useState<Playing | null>(null);
  const steps = tourSteps(deployment, fleetRows(devices, deployment, new Map()));

  const leave = useCallback((tour: Playing | null) => {
    setPlaying(null);
    if (tour === null) return;
    for (const action of undoTour(tour.steps, tour.at)) void perform(tour.deployment, action).catch(complain);
  }, []);

  useEffect(() => {
    const step = playing?.steps[playing.at];
    if (playing === null || step === undefined) return;
    if (step.action !== null) {
      perform(playing.deployment, step.action).catch((error: unknown) => {
        complain(error);
        leave(playing);
      });
    }
    const timer = setTimeout(() => {
      setPlaying(playing.at + 1 < playing.steps.length ? { ...playing, at: playing.at + 1 } : null);
    }, step.holdMs);
    return () => clearTimeout(timer);
  }, [playing, leave]);

  // Another page or deployment leaves the tour and undoes it.
  const latest = useRef(playing);
  latest.current = playing;
  useEffect(() => () => leave(latest.current), [leave]);

  return {
    possible: steps !== null,
    playing,
    play: () => steps !== null && setPlaying({ deployment: deployment.name, steps, at: 0 }),
    leave: () => leave(playing),
  };
}

function perform(deployment: string, action: TourAction): Promise<unknown> {
  const load = `/api/deployments/${encodeURIComponent(deployment)}/load`;
  switch (action.kind) {
    case 'start-load':
      return askApi('POST', load, DEMO_LOAD);
    case 'stop-load':
      return askApi('DELETE', load);
    case 'kill':
      return askApi('POST', `/api/devices/${encodeURIComponent(action.device)}/faults`, { kind: 'kill' });
    case 'revive':
      return askApi('POST', `/api/devices/${encodeURIComponent(action.device)}/revive`);
  }
}

function complain(error: unknown): void {
  toastError(error, 'The tour stopped: ');
}
