'use client';
import type { ArrivalsView, DeploymentView } from '@sparewheel/protocol';
import { useMemo } from 'react';
import { useApi, useLive } from '../live-connection/live-queries.ts';
import { type ArrivalsDrawing, arrivalsDrawing } from './arrivals-view.ts';

const EVERY_MS = 2_000;

/** Returns when the devices of a deployment answered. Asks again while a component shows it. */
export function useArrivals(deployment: DeploymentView): {
  view: ArrivalsView | null;
  drawing: ArrivalsDrawing | null;
  error: Error | null;
} {
  const serves = !['preparing', 'failed', 'deleting'].includes(deployment.state);
  const path = serves ? `/api/deployments/${encodeURIComponent(deployment.name)}/arrivals` : null;
  const { data: view = null, error } = useApi<ArrivalsView>(path, EVERY_MS);
  const names = useLive('devices', (devices) => devices.map(({ id, name }) => ({ id, name })));
  const drawing = useMemo(
    () => (view === null || view.devices.length === 0 ? null : arrivalsDrawing(view, names)),
    [view, names],
  );
  return { view, drawing, error };
}
