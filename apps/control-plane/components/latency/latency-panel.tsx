'use client';
import type { DeploymentView, LatencyView } from '@sparewheel/protocol';
import dynamic from 'next/dynamic';
import { useEffect, useRef, useState } from 'react';
import { planKind } from '../control/deployment-status.ts';
import { ExportButtons } from '../export/export-buttons.tsx';
import { Card } from '../ui/card.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { heatmapTable, histogramTable } from './chart-tables.ts';
import { HeatmapChart } from './heatmap-chart.tsx';
import { addToHeatmap, EMPTY_HEATMAP } from './latency-heatmap.ts';
import { latencyHistogram } from './latency-histogram.ts';
import { PercentileTable } from './percentile-table.tsx';
import { ruleComparison } from './rule-comparison.ts';

/** Recharts is a third of the page's code, so it loads after the rest. */
const LatencyChart = dynamic(() => import('./latency-chart.tsx').then((module) => module.LatencyChart), {
  ssr: false,
});

type Subject = 'fault' | 'rule' | 'time';
type Scale = 'linear' | 'log';

const SUBJECTS = [
  { value: 'fault', label: 'By fault' },
  { value: 'rule', label: 'Coded / uncoded' },
  { value: 'time', label: 'Over time' },
] as const;
const TITLES: Record<Subject, string> = {
  fault: 'Latency',
  rule: 'Latency, coded and uncoded',
  time: 'Latency over time',
};
const SCALES = [
  { value: 'linear', label: 'Linear' },
  { value: 'log', label: 'Log' },
] as const;

/** Latencies: before and since the last fault, coded and uncoded, and over time. */
export function LatencyPanel({
  latency,
  deployment,
}: {
  latency: LatencyView | null;
  deployment: DeploymentView;
}) {
  const [chosen, setSubject] = useState<Subject>('fault');
  // Both rules are the same without a code.
  const coded = planKind(deployment) === 'coded';
  const subject = chosen === 'rule' && !coded ? 'fault' : chosen;
  const [scale, setScale] = useState<Scale>('linear');
  // Collected while the page is open.
  const [heatmap, setHeatmap] = useState(EMPTY_HEATMAP);
  useEffect(() => {
    if (latency !== null) setHeatmap((old) => addToHeatmap(old, latency, performance.now()));
  }, [latency]);
  const frame = useRef<HTMLDivElement>(null);
  const byFault = latencyHistogram(latency);
  const byRule =
    subject === 'rule' ? ruleComparison(latency, deployment.planned.k, deployment.planned.r) : null;
  const histogram = byRule ?? byFault;
  const nothing = byFault.rows.length === 0;

  return (
    <Card
      title="Latency"
      hint={byFault.fault ? `Last fault: ${byFault.fault}` : undefined}
      actions={
        <ExportButtons
          chart="the chart"
          title={`${TITLES[subject]}, ${deployment.name}`}
          fileName={`latency-${deployment.name}-${subject === 'rule' ? 'coded-uncoded' : subject}`}
          frame={frame}
          table={() =>
            subject === 'time' ? heatmapTable(heatmap, performance.now()) : histogramTable(histogram)
          }
          disabled={nothing}
        />
      }
    >
      {nothing ? (
        <NoLatencyYet />
      ) : (
        <>
          <div className="flex flex-wrap items-center gap-2 px-4">
            <Segmented
              label="Latency view"
              value={subject}
              options={coded ? SUBJECTS : SUBJECTS.filter(({ value }) => value !== 'rule')}
              onChange={setSubject}
            />
            {subject !== 'time' && (
              <Segmented label="Scale of the shares" value={scale} options={SCALES} onChange={setScale} />
            )}
          </div>
          <div ref={frame} className="flex min-w-0 flex-1 flex-col">
            <div data-testid="latency-chart" className="relative mx-2 mt-1 min-h-72 flex-1">
              {subject === 'time' ? (
                <HeatmapChart heatmap={heatmap} startMs={byFault.startMs} endMs={byFault.endMs} />
              ) : histogram.rows.length > 0 ? (
                <LatencyChart histogram={histogram} scale={scale} />
              ) : null}
            </div>
            {byRule && (
              <p data-testid="rule-note" className="px-4 pb-3 text-xs text-ink-soft">
                {byRule.note}
              </p>
            )}
            <PercentileTable
              of={byRule ? 'Rule' : 'Period'}
              rows={histogram.rows}
              gain={byRule?.gain ?? null}
            />
          </div>
        </>
      )}
    </Card>
  );
}

function NoLatencyYet() {
  return (
    <div className="grid min-h-72 flex-1 place-items-center border-t px-4 py-10 text-center">
      <div>
        <p className="font-medium">No requests yet</p>
        <p className="mt-1 text-ink-soft">Start a load or draw a digit to see latencies here.</p>
      </div>
    </div>
  );
}
