'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { standbyCount } from '../control/deployment-status.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { coverNote } from './duel-view.ts';

/** Warns before a kill that parity does not cover. Renders nothing while the next kill is covered. */
export function CoverNote({ coded }: { coded: DeploymentView }) {
  const standbys = useLive('devices', (devices) => standbyCount(devices, coded));
  const note = coverNote(coded, standbys);
  if (note === null) return null;
  return (
    <span role="status" data-testid="cover-note" className="font-semibold text-warning-ink">
      {note}
    </span>
  );
}
