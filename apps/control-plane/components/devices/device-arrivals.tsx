'use client';
import type { DeploymentView, DeviceView } from '@sparewheel/protocol';
import { useRef } from 'react';
import { ArrivalAxis, ArrivalHistogram } from '../arrivals/arrival-histogram.tsx';
import { type ArrivalRow, arrivalsTable } from '../arrivals/arrivals-view.ts';
import { useArrivals } from '../arrivals/use-arrivals.ts';
import { ExportButtons } from '../export/export-buttons.tsx';
import { useLive } from '../live-connection/live-queries.ts';
import { Card } from '../ui/card.tsx';
import { formatCount, formatMs, formatPercent } from '../ui/format.ts';

/** When this device answers, in each of its deployments. */
export function DeviceArrivals({ device }: { device: DeviceView }) {
  const deployments = useLive('deployments');
  const names = new Set(device.seats.map(({ deployment }) => deployment));
  return deployments
    .filter(({ name }) => names.has(name))
    .map((deployment) => (
      <ArrivalsIn key={deployment.name} device={device} deployment={deployment} several={names.size > 1} />
    ));
}

function ArrivalsIn({
  device,
  deployment,
  several,
}: {
  device: DeviceView;
  deployment: DeploymentView;
  several: boolean;
}) {
  const { view, drawing } = useArrivals(deployment);
  const frame = useRef<HTMLDivElement>(null);
  const row = drawing?.rows.find(({ id }) => id === device.id);
  return (
    <Card
      title={several ? `Arrivals in ${deployment.name}` : 'Arrivals'}
      hint={`time from scatter to answer, in ${deployment.name}`}
      actions={
        <ExportButtons
          chart="the arrivals"
          title={`Arrivals of ${device.name} in ${deployment.name}`}
          fileName={`arrivals-${deployment.name}-${device.name}`}
          frame={frame}
          disabled={row === undefined}
          table={() =>
            view && drawing && row
              ? arrivalsTable(view, { ...drawing, rows: [row] })
              : { columns: [], rows: [] }
          }
        />
      }
    >
      {drawing === null || row === undefined ? (
        <p className="border-t px-4 py-6 text-ink-soft">No answers since the last change</p>
      ) : (
        <>
          <div ref={frame} className="border-t p-4" data-testid="device-arrivals">
            <ArrivalHistogram row={row} axis={drawing} large />
            <ArrivalAxis axis={drawing} />
          </div>
          <dl className="grid grid-cols-2 gap-x-4 gap-y-3 border-t p-4 sm:grid-cols-3 xl:grid-cols-4">
            {facts(row).map(({ label, value, note }) => (
              <div key={label} className="min-w-0">
                <dt className="text-xs text-ink-faint">{label}</dt>
                <dd className="font-medium">{value}</dd>
                {note !== undefined && <dd className="text-xs text-ink-faint">{note}</dd>}
              </div>
            ))}
          </dl>
        </>
      )}
    </Card>
  );
}

function facts({ arrivals, lastShare, notInShare, neverCame }: ArrivalRow) {
  const { percentiles, asked, answered, calledOff, dataSteps } = arrivals;
  const { p50, p90, p99, max, mean, sd } = percentiles;
  const facts: { label: string; value: string; note?: string }[] = [
    { label: 'p50', value: formatMs(p50) },
    { label: 'p90', value: formatMs(p90) },
    { label: 'p99', value: formatMs(p99) },
    { label: 'max', value: formatMs(max) },
    { label: 'mean ± sd', value: `${formatMs(mean)} ± ${formatMs(sd)}` },
    {
      label: 'Answered',
      value: formatCount(answered),
      note: `of ${formatCount(asked)} layers since the last change`,
    },
    { label: 'Canceled', value: formatCount(calledOff), note: 'not needed any more' },
    { label: 'No answer', value: formatCount(neverCame) },
  ];
  if (notInShare === null || lastShare === null) return facts;
  return [
    ...facts,
    {
      label: 'Missed the result',
      value: formatPercent(notInShare),
      note: `of ${formatCount(dataSteps)} layers since the last change; canceled answers included`,
    },
    { label: 'Answered last', value: formatPercent(lastShare), note: 'of the data shards' },
  ];
}
