'use client';
import type { DeploymentView, LatencyView } from '@sparewheel/protocol';
import dynamic from 'next/dynamic';
import { useEffect, useRef, useState } from 'react';
import { planKind } from '../control/deployment-status.ts';
import { ExportButtons } from '../export/export-buttons.tsx';
import { EmulatedBadge } from '../presets/emulated-badge.tsx';
import { Card } from '../ui/card.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { heatmapTable, histogramTable } from './chart-tables.ts';
import { HeatmapChart } from './heatmap-chart.tsx';
import { addToHeatmap, EMPTY_HEATMAP } from './latency-heatmap.ts';
import { type PeriodChoice, periodComparison } from './latency-periods.ts';
import { PercentileTable } from './percentile-table.tsx';
import { PlanPrediction } from './plan-prediction.tsx';
import { ruleComparison } from './rule-comparison.ts';
import { useTimeOfDay } from './use-time-of-day.ts';

/** The chart draws only in the browser, which knows its size. */
const LatencyChart = dynamic(() => import('./latency-chart.tsx').then((module) => module.LatencyChart), {
  ssr: false,
});

type Subject = 'period' | 'rule' | 'time';
type Scale = 'linear' | 'log';

const SUBJECTS = [
  { value: 'period', label: 'By period' },
  { value: 'rule', label: 'Coded / uncoded' },
  { value: 'time', label: 'Over time' },
] as const;
const TITLES: Record<Subject, string> = {
  period: 'Latency',
  rule: 'Latency, coded and uncoded',
  time: 'Latency over time',
};
const FILES: Record<Subject, string> = { period: 'periods', rule: 'coded-uncoded', time: 'time' };
const SCALES = [
  { value: 'linear', label: 'Linear' },
  { value: 'log', label: 'Log' },
] as const;

/** Latencies: of this period and an earlier one, coded and uncoded, and over time. */
export function LatencyPanel({
  latency,
  deployment,
}: {
  latency: LatencyView | null;
  deployment: DeploymentView;
}) {
  const [wanted, setSubject] = useState<Subject>('period');
  // Both rules are the same without a code.
  const coded = planKind(deployment) === 'coded';
  const subject = wanted === 'rule' && !coded ? 'period' : wanted;
  const [scale, setScale] = useState<Scale>('linear');
  const [compared, setCompared] = useState<number | null>(null);
  const [shown, setShown] = useState<number | null>(null);
  const timeOf = useTimeOfDay();
  // Collected while the page is open.
  const [heatmap, setHeatmap] = useState(EMPTY_HEATMAP);
  useEffect(() => {
    if (latency !== null) setHeatmap((old) => addToHeatmap(old, latency, performance.now()));
  }, [latency]);
  const frame = useRef<HTMLDivElement>(null);
  const byPeriod = periodComparison(latency, compared, timeOf);
  const { k, r } = deployment.planned;
  const byRule = subject === 'rule' ? ruleComparison(latency, k, r, shown, timeOf) : null;
  const histogram = byRule ?? byPeriod;
  const nothing = byPeriod.rows.length === 0;
  const note = byRule?.note ?? byPeriod.note;
  const failures = latency?.byFailedDevices.some(({ failed }) => failed > 0) ? latency.byFailedDevices : [];

  return (
    <Card
      title="Latency"
      hint={
        <span className="flex items-center gap-2">
          {latency?.lastFault && `Last fault: ${latency.lastFault.description}`}
          <EmulatedBadge deployment={deployment} />
        </span>
      }
      actions={
        <ExportButtons
          chart="the chart"
          title={`${TITLES[subject]}, ${deployment.name}`}
          fileName={`latency-${deployment.name}-${FILES[subject]}`}
          frame={frame}
          table={() =>
            subject === 'time' ? heatmapTable(heatmap, performance.now()) : histogramTable(histogram)
          }
          disabled={nothing}
        />
      }
    >
      {nothing ? (
        <NoLatencyYet warmUp={byPeriod.note} />
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
            {subject === 'period' && byPeriod.choices.length > 1 && (
              <PeriodMenu
                label="Compare with"
                choices={byPeriod.choices}
                value={byPeriod.compared}
                onChange={setCompared}
              />
            )}
            {byRule && byRule.choices.length > 1 && (
              <PeriodMenu label="Period" choices={byRule.choices} value={byRule.shown} onChange={setShown} />
            )}
          </div>
          <div ref={frame} className="flex min-w-0 flex-1 flex-col">
            <div data-testid="latency-chart" className="relative mx-2 mt-1 min-h-72 flex-1">
              {subject === 'time' ? (
                <HeatmapChart heatmap={heatmap} axis={byPeriod} timeOf={timeOf} />
              ) : histogram.rows.length > 0 ? (
                <LatencyChart histogram={histogram} scale={scale} />
              ) : null}
            </div>
            {note !== null && subject !== 'time' && (
              <p
                data-testid={byRule ? 'rule-note' : 'period-note'}
                className="px-4 pb-3 text-xs text-ink-soft"
              >
                {note}
              </p>
            )}
            <PercentileTable
              of={byRule ? 'Rule' : 'Period'}
              rows={histogram.rows}
              gain={byRule?.gain ?? null}
              byFailed={byRule ? [] : failures}
            />
            <PlanPrediction predictions={deployment.predictions} period={latency?.periods[0]} />
          </div>
        </>
      )}
    </Card>
  );
}

function PeriodMenu({
  label,
  choices,
  value,
  onChange,
}: {
  label: string;
  choices: readonly PeriodChoice[];
  value: number | null;
  onChange: (id: number) => void;
}) {
  return (
    <label className="flex min-w-0 items-center gap-2 text-xs text-ink-soft">
      {label}
      <select
        className="h-8 max-w-72 min-w-0 truncate rounded-lg border bg-surface px-2 text-xs text-ink"
        value={value ?? ''}
        onChange={({ target }) => onChange(Number(target.value))}
      >
        {choices.map((choice) => (
          <option key={choice.id} value={choice.id}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function NoLatencyYet({ warmUp }: { warmUp: string | null }) {
  return (
    <div className="grid min-h-72 flex-1 place-items-center border-t px-4 py-10 text-center">
      <div>
        <p className="font-medium">{warmUp === null ? 'No requests yet' : 'Warming up'}</p>
        <p className="mt-1 text-ink-soft">
          {warmUp === null ? 'Start a load or draw a digit to see latencies here.' : `${warmUp}.`}
        </p>
      </div>
    </div>
  );
}
