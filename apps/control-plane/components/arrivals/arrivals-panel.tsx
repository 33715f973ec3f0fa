'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { type RefObject, useRef, useState } from 'react';
import { ExportButtons } from '../export/export-buttons.tsx';
import { EmulatedBadge } from '../presets/emulated-badge.tsx';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { formatCount } from '../ui/format.ts';
import { ArrivalAxis, ArrivalHistogram } from './arrival-histogram.tsx';
import { type ArrivalsDrawing, arrivalsTable } from './arrivals-view.ts';
import { StragglerTable } from './straggler-table.tsx';
import { useArrivals } from './use-arrivals.ts';

/** More histograms would fill the page. */
const FIRST = 12;

/** When each device answers after the scatter [paper Fig. 1], and which devices are late. */
export function ArrivalsPanel({ deployment }: { deployment: DeploymentView }) {
  const { view, drawing, error } = useArrivals(deployment);
  const frame = useRef<HTMLDivElement>(null);
  return (
    <Card
      title="Arrivals"
      hint={
        <span className="flex items-center gap-2">
          {drawing === null ? 'time from scatter to answer, by device' : hintOf(drawing)}
          <EmulatedBadge deployment={deployment} />
        </span>
      }
      className="@container"
      actions={
        <ExportButtons
          chart="the arrivals"
          title={`Arrivals by device, ${deployment.name}`}
          fileName={`arrivals-${deployment.name}`}
          frame={frame}
          disabled={view === null || drawing === null}
          table={() => (view && drawing ? arrivalsTable(view, drawing) : { columns: [], rows: [] })}
        />
      }
    >
      {error !== null && drawing === null ? (
        <div className="border-t p-4">
          <ErrorNotice error={error} />
        </div>
      ) : drawing === null ? (
        <p className="border-t px-4 py-8 text-center text-ink-soft">
          No answers yet. Start a load, or draw a digit.
        </p>
      ) : (
        <Arrivals drawing={drawing} frame={frame} k={deployment.planned.k} r={deployment.planned.r} />
      )}
    </Card>
  );
}

function Arrivals({
  drawing,
  frame,
  k,
  r,
}: {
  drawing: ArrivalsDrawing;
  frame: RefObject<HTMLDivElement | null>;
  k: number;
  r: number;
}) {
  const [all, setAll] = useState(false);
  const { rows, stragglers } = drawing;
  const shown = all ? rows : rows.slice(0, FIRST);
  return (
    <>
      <div className="border-t">
        <div ref={frame} className="p-4">
          <ul aria-label="Arrivals by device" data-testid="arrivals" className="flex flex-col gap-2">
            {shown.map((row) => (
              <li key={row.id} className="min-w-0">
                <ArrivalHistogram row={row} axis={drawing} />
              </li>
            ))}
          </ul>
          <ArrivalAxis axis={drawing} />
        </div>
        {rows.length > FIRST && (
          <p className="px-4 pb-3">
            <Button size="small" aria-expanded={all} onClick={() => setAll(!all)}>
              {all ? `Show the first ${FIRST}` : `Show all ${rows.length}`}
            </Button>
          </p>
        )}
      </div>
      {stragglers.length > 0 && <StragglerTable stragglers={stragglers} />}
      <p className="border-t px-4 py-3 text-xs text-ink-faint">
        The line is the median.{' '}
        {r > 0 &&
          `Any ${k} of ${k + r} answers are enough for a result. A device that misses a result loses nothing.`}
      </p>
    </>
  );
}

function hintOf({ requests, since }: ArrivalsDrawing): string {
  const time = new Date(since).toLocaleTimeString('en-GB');
  return `${formatCount(requests)} requests since ${time}`;
}
