'use client';
import type { LatencyView } from '@sparewheel/protocol';
import dynamic from 'next/dynamic';
import { useState } from 'react';
import { latencyHistogram } from '../../src/view-model/latency-histogram.ts';
import { Card } from '../ui/card.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { PercentileTable } from './percentile-table.tsx';

/** The chart library is half of the page's weight and comes after the rest. */
const LatencyChart = dynamic(() => import('./latency-chart.tsx').then((module) => module.LatencyChart), {
  ssr: false,
  loading: () => <div className="h-72" />,
});

const SCALES = [
  { value: 'linear', label: 'Linear' },
  { value: 'log', label: 'Log' },
] as const;

export function LatencyPanel({ latency }: { latency: LatencyView | null }) {
  const [scale, setScale] = useState<'linear' | 'log'>('linear');
  const histogram = latencyHistogram(latency);
  const empty = histogram.rows.length === 0;

  return (
    <Card
      title="Latency"
      hint={histogram.fault ? `Last fault: ${histogram.fault}` : undefined}
      actions={
        <Segmented label="Scale of the share axis" value={scale} options={SCALES} onChange={setScale} />
      }
      style={{ gridArea: 'latency' }}
    >
      {empty ? (
        <div className="grid min-h-72 flex-1 place-items-center border-t px-4 py-10 text-center">
          <div>
            <p className="font-medium">No request has been answered yet.</p>
            <p className="mt-1 text-ink-soft">
              Start the load, or draw a digit: latencies appear here as they come.
            </p>
          </div>
        </div>
      ) : (
        <>
          <div data-testid="latency-chart" className="min-h-72 flex-1 px-2 pt-1">
            <LatencyChart histogram={histogram} scale={scale} />
          </div>
          <PercentileTable rows={histogram.rows} />
        </>
      )}
    </Card>
  );
}
