'use client';
import type { LatencyView } from '@sparewheel/protocol';
import { FileText, Image as ImageIcon } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRef, useState } from 'react';
import { toast } from 'sonner';
import { latencyHistogram } from '../../src/view-model/latency-histogram.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { downloadCsv } from './export-csv.ts';
import { downloadPng } from './export-png.ts';
import { HeatmapChart } from './heatmap-chart.tsx';
import { PercentileTable } from './percentile-table.tsx';
import { useHeatmap } from './use-heatmap.ts';

/** The chart library is a third of the page's weight and comes after the rest. */
const LatencyChart = dynamic(() => import('./latency-chart.tsx').then((module) => module.LatencyChart), {
  ssr: false,
});

type Shape = 'linear' | 'log' | 'time';

const SHAPES = [
  { value: 'linear', label: 'Linear' },
  { value: 'log', label: 'Log' },
  { value: 'time', label: 'Over time' },
] as const;

export function LatencyPanel({ latency }: { latency: LatencyView | null }) {
  const [shape, setShape] = useState<Shape>('linear');
  const heatmap = useHeatmap(latency);
  const histogram = latencyHistogram(latency);
  const chart = useRef<HTMLDivElement>(null);

  function savePicture() {
    if (chart.current === null) return;
    downloadPng(chart.current, `latency-${latency?.deployment ?? ''}-${shape}.png`).catch((error: Error) =>
      toast.error('The picture could not be made.', { description: error.message }),
    );
  }

  return (
    <Card
      title="Latency"
      hint={histogram.fault ? `Last fault: ${histogram.fault}` : undefined}
      actions={
        <>
          <Segmented label="How latency is drawn" value={shape} options={SHAPES} onChange={setShape} />
          <Button
            variant="quiet"
            size="icon"
            title="Save the histogram as CSV"
            aria-label="Save the histogram as CSV"
            disabled={histogram.rows.length === 0}
            onClick={() => downloadCsv(histogram, latency?.deployment ?? '')}
          >
            <FileText />
          </Button>
          <Button
            variant="quiet"
            size="icon"
            title="Save the chart as PNG"
            aria-label="Save the chart as PNG"
            disabled={histogram.rows.length === 0}
            onClick={savePicture}
          >
            <ImageIcon />
          </Button>
        </>
      }
      style={{ gridArea: 'latency' }}
    >
      {histogram.rows.length === 0 ? (
        <NoLatencyYet />
      ) : (
        <>
          <div ref={chart} data-testid="latency-chart" className="relative mx-2 mt-1 min-h-72 flex-1">
            {shape === 'time' ? (
              <HeatmapChart heatmap={heatmap} startMs={histogram.startMs} endMs={histogram.endMs} />
            ) : (
              <LatencyChart histogram={histogram} scale={shape} />
            )}
          </div>
          <PercentileTable rows={histogram.rows} />
        </>
      )}
    </Card>
  );
}

function NoLatencyYet() {
  return (
    <div className="grid min-h-72 flex-1 place-items-center border-t px-4 py-10 text-center">
      <div>
        <p className="font-medium">No request has been answered yet.</p>
        <p className="mt-1 text-ink-soft">
          Start the load, or draw a digit: latencies appear here as they come.
        </p>
      </div>
    </div>
  );
}
