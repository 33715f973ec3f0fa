'use client';
import type { ApiError, ArrivalsView, DeploymentView } from '@sparewheel/protocol';
import { useMemo } from 'react';
import { useLiveStore } from '../live-connection/live-provider.tsx';
import { useAnswer } from '../live-connection/use-answer.ts';
import { type ArrivalsDrawing, arrivalsDrawing } from './arrivals-view.ts';

const EVERY_MS = 2_000;

/** When the devices of a deployment answered, asked for while somebody looks. */
export function useArrivals(deployment: DeploymentView | undefined): {
  view: ArrivalsView | null;
  drawing: ArrivalsDrawing | null;
  problem: ApiError | null;
} {
  const store = useLiveStore();
  const serves = deployment !== undefined && !['preparing', 'failed'].includes(deployment.state);
  const path = serves ? `/api/deployments/${encodeURIComponent(deployment.name)}/arrivals` : null;
  const { answer, problem } = useAnswer<ArrivalsView>(path, EVERY_MS);
  const drawing = useMemo(
    // Of the devices only the names are drawn: they need not be drawn again five times a second.
    () =>
      answer === null || answer.devices.length === 0
        ? null
        : arrivalsDrawing(answer, store.getState().devices),
    [answer, store],
  );
  return { view: answer, drawing, problem };
}
