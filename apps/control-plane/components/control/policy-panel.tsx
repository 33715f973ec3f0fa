'use client';
import type { DeploymentView, LatencyView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Select } from '../ui/field.tsx';
import { Segmented } from '../ui/segmented.tsx';
import type { RequestTrace } from '../waterfall/waterfall-view.ts';
import { planKind } from './deployment-status.ts';
import { changeKeys, useFreshTraces } from './fresh-traces.ts';
import {
  describeVerify,
  describeWait,
  FIRST_THRESHOLD_MS,
  sliderScale,
  type WaitKind,
  waitKind,
  waitOf,
} from './policy.ts';
import { ThresholdSlider } from './threshold-slider.tsx';
import { WaitingGain } from './waiting-gain.tsx';
import { adaptivePrediction, judgeWaiting, slowArrivalMs } from './waiting-rules.ts';

type Policy = DeploymentView['policy'];

/** The chosen rule is not in force yet. */
const UNMEASURED = { requests: 0, leftOut: 0 };

function keysOf(views: readonly LatencyView[], name: string) {
  return changeKeys(views.find(({ deployment }) => deployment === name));
}

/** Delay before a change is sent: the slider produces many changes per second. */
const SETTLE_MS = 150;

const WAITS: readonly { value: WaitKind; label: string }[] = [
  { value: 'any-k', label: 'Any k' },
  { value: 'threshold', label: 'Threshold' },
  { value: 'adaptive', label: 'Adaptive' },
  { value: 'all', label: 'All' },
];

/** When a request is answered, and when answers are checked. Changes take effect at once. */
export function PolicyPanel({
  deployment,
  traces,
}: {
  deployment: DeploymentView;
  traces: readonly RequestTrace[];
}) {
  const { name, policy, planned, waiting } = deployment;
  const anyChange = useLive('latency', (views) => keysOf(views, name).any);
  const arrivalChange = useLive('latency', (views) => keysOf(views, name).ofArrivals);
  const fresh = useFreshTraces(traces, { any: anyChange, ofArrivals: arrivalChange });
  const coded = planKind(deployment) === 'coded';
  // The panel shows a choice until the server confirms it.
  const [chosen, setChosen] = useState<Partial<Policy>>({});
  const [thresholdMs, setThreshold] = useState(
    typeof policy.waitMs === 'number' ? policy.waitMs : FIRST_THRESHOLD_MS,
  );
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  const save = useMutation({
    mutationFn: (patch: Partial<Policy>) =>
      askApi('PATCH', `/api/deployments/${encodeURIComponent(name)}`, { policy: patch }),
    onError: () => setChosen({}),
  });
  const shown = { ...policy, ...chosen };
  // Set when the slider appears. Afterwards it only grows: a shrinking slider is hard to aim at.
  const [slowMs, setSlow] = useState<number | null>(null);
  useEffect(() => {
    const seen = slowArrivalMs(traces);
    if (seen !== null) setSlow((old) => Math.max(old ?? 0, seen));
  }, [traces]);

  useEffect(() => setChosen({}), [policy.waitMs, policy.verify]);

  function change(patch: Partial<Policy>) {
    setChosen((old) => ({ ...old, ...patch }));
    clearTimeout(settle.current);
    settle.current = setTimeout(() => save.mutate(patch), SETTLE_MS);
  }

  return (
    <Card title="Policy" hint="changes take effect at once">
      <div className="flex flex-col gap-3 border-t p-4">
        <Segmented
          label="When a request is answered"
          value={waitKind(shown.waitMs)}
          options={WAITS}
          onChange={(kind) => {
            if (kind === 'threshold') setSlow(slowArrivalMs(traces));
            change({ waitMs: waitOf(kind, thresholdMs) });
          }}
        />
        {waitKind(shown.waitMs) === 'threshold' && (
          <ThresholdSlider
            value={thresholdMs}
            {...sliderScale(slowMs, thresholdMs)}
            onChange={(waitMs) => {
              setThreshold(waitMs);
              change({ waitMs });
            }}
          />
        )}
        <p className="text-xs text-ink-faint">{describeWait(shown.waitMs, deployment)}</p>
        {coded && (
          <WaitingGain
            rules={judgeWaiting(fresh.arrivals, planned.k, shown.waitMs)}
            measured={
              shown.waitMs === policy.waitMs
                ? judgeWaiting(fresh.measured, planned.k, policy.waitMs)
                : UNMEASURED
            }
            idle={fresh.idle}
            loading={deployment.load?.running === true}
            k={planned.k}
            adaptive={shown.waitMs === 'adaptive' ? adaptivePrediction(waiting) : null}
          />
        )}
        {coded ? (
          <>
            <Field label="Check answers with parity">
              {(ids) => (
                <Select
                  {...ids}
                  value={shown.verify}
                  onChange={(event) => change({ verify: event.target.value as Policy['verify'] })}
                >
                  <option value="before">before responding</option>
                  <option value="after">after responding</option>
                  <option value="off">never</option>
                </Select>
              )}
            </Field>
            <p className="text-xs text-ink-faint">{describeVerify(shown.verify)}</p>
          </>
        ) : (
          <p className="text-xs text-ink-faint">This plan has no parity, so answers are not checked.</p>
        )}
        <ErrorNotice error={save.error} />
      </div>
    </Card>
  );
}
