'use client';
import { type DeploymentView, PAPER_DETECT_MS } from '@sparewheel/protocol';
import { Play, Square } from 'lucide-react';
import { Switch } from 'radix-ui';
import { useId } from 'react';
import { KillCard } from '../kill-card/kill-card.tsx';
import { useLive } from '../live-connection/live-queries.ts';
import { EmulatedBadge } from '../presets/emulated-badge.tsx';
import { ErrorNotice } from '../shell/errors.tsx';
import { StageLink } from '../stage/stage-link.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Select } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { isSampled } from './answer-store.ts';
import { CoverNote } from './cover-note.tsx';
import { DotLegend } from './dot-legend.tsx';
import { DuelHistogram } from './duel-histogram.tsx';
import { DuelLanes } from './duel-lanes.tsx';
import { DuelTable } from './duel-table.tsx';
import {
  copyRule,
  type Detection,
  type Duel,
  detectionOf,
  duelOf,
  emulatedDetection,
  emulatedFaults,
  noTwinReason,
  serves,
} from './duel-view.ts';
import { useDuelLoad, useDuelNumbers, useTwin } from './use-duel.ts';

/** The selected deployment against its uncoded twin; one sentence if it cannot have one. */
export function DuelPanel({ deployment }: { deployment: DeploymentView }) {
  const duel = useLive('deployments', (deployments) => duelOf(deployments, deployment));
  if (!serves(deployment)) return null;
  if (duel !== null) return <DuelCard key={duel.coded.name} duel={duel} />;
  const reason = noTwinReason(deployment);
  return reason === null ? null : <Notice title={`No duel: ${reason}`} />;
}

function DuelCard({ duel }: { duel: Duel }) {
  const { coded, uncoded } = duel;
  const load = useDuelLoad(coded);
  const twin = useTwin(coded);
  const faults = useLive('devices', (devices) => emulatedFaults(devices, duel));
  const detection = emulatedDetection(uncoded);
  const emulated = detection === null ? faults : [detection, ...faults];
  const running = coded.load?.running === true;

  return (
    <Card
      title="Coded against uncoded"
      hint={
        <span className="flex items-center gap-2">
          Each dot is an answer. <EmulatedBadge deployment={coded} />
        </span>
      }
      actions={
        <div className="flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
          {uncoded !== null && (
            <DetectionChoice
              value={detectionOf(uncoded)}
              pending={twin.detection.isPending}
              onChange={twin.detection.mutate}
            />
          )}
          <TwinSwitch
            on={uncoded !== null}
            pending={twin.switched.isPending}
            onChange={twin.switched.mutate}
          />
          <Button
            variant={running ? 'outline' : 'primary'}
            size="small"
            disabled={load.isPending}
            title={
              running
                ? 'Stops the load'
                : 'Keeps 8 requests in flight, and at most as many in the uncoded twin'
            }
            onClick={() => load.mutate(!running)}
          >
            {running ? <Square /> : <Play />}
            {running ? 'End load' : 'Run a load'}
          </Button>
          <StageLink deployment={coded.name} />
        </div>
      }
    >
      <div className="px-4 empty:hidden">
        <ErrorNotice error={twin.switched.error ?? twin.detection.error ?? load.error} />
      </div>
      <div className="grid min-w-0 border-t lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="flex min-w-0 flex-col">
          <div className={uncoded === null ? 'relative min-h-40 flex-1' : 'relative min-h-72 flex-1'}>
            <DuelLanes duel={duel} />
          </div>
          {uncoded === null && (
            <p className="border-t px-4 py-3 text-[0.8125rem] text-ink-soft">
              The uncoded twin is off. Turn it on to see the same requests without parity.
            </p>
          )}
          <Legend duel={duel} emulated={emulated} />
        </div>
        <Numbers duel={duel} />
      </div>
      <KillCard duel={duel} />
    </Card>
  );
}

/** Chooses how long the uncoded twin takes to notice that a device has failed. */
function DetectionChoice({
  value,
  pending,
  onChange,
}: {
  value: Detection | null;
  pending: boolean;
  onChange: (detection: Detection) => void;
}) {
  const id = useId();
  return (
    <span className="flex items-center gap-2 text-xs text-ink-soft">
      <label htmlFor={id} className="whitespace-nowrap">
        Detects a failure
      </label>
      <Select
        id={id}
        className="h-7 w-auto text-xs"
        value={value ?? ''}
        disabled={pending}
        title="How long the uncoded twin takes to notice that a device has failed"
        onChange={({ target }) => onChange(target.value as Detection)}
      >
        {value === null && <option value="">as set by the API</option>}
        <option value="now">as now</option>
        <option value="paper">as in the paper ({PAPER_DETECT_MS / 1_000} s)</option>
      </Select>
    </span>
  );
}

function TwinSwitch({
  on,
  pending,
  onChange,
}: {
  on: boolean;
  pending: boolean;
  onChange: (on: boolean) => void;
}) {
  const id = useId();
  return (
    <span className="flex items-center gap-2 text-xs text-ink-soft">
      <label htmlFor={id}>Uncoded twin</label>
      <Switch.Root
        id={id}
        checked={on}
        disabled={pending}
        onCheckedChange={onChange}
        className="h-5 w-9 shrink-0 rounded-full border border-line-strong bg-raised transition-colors disabled:opacity-50 data-[state=checked]:border-transparent data-[state=checked]:bg-data"
      >
        <Switch.Thumb className="block size-3.5 translate-x-0.5 rounded-full bg-ink-faint transition-transform data-[state=checked]:translate-x-[1.125rem] data-[state=checked]:bg-white" />
      </Switch.Root>
    </span>
  );
}

function Legend({ duel: { coded, uncoded }, emulated }: { duel: Duel; emulated: readonly string[] }) {
  const sampled = isSampled(coded.name) || (uncoded !== null && isSampled(uncoded.name));
  return (
    <div className="flex flex-wrap gap-x-4 gap-y-1 px-4 pt-1 pb-3 text-[11px] leading-4 text-ink-soft">
      <DotLegend />
      <CoverNote coded={coded} />
      {uncoded !== null && <span>{copyRule(coded)}</span>}
      {sampled && <span>The dots are a fair sample; the numbers count every request.</span>}
      {emulated.length > 0 && (
        <span className="min-w-0 [overflow-wrap:anywhere] text-warning-ink">
          Emulated: {emulated.join(' · ')}
        </span>
      )}
    </div>
  );
}

/** The numbers change five times a second; only this part renders then. */
function Numbers({ duel }: { duel: Duel }) {
  const { coded, uncoded, rows } = useDuelNumbers(duel);
  return (
    <div className="flex min-w-0 flex-col border-t lg:border-t-0 lg:border-l">
      <DuelHistogram coded={coded} uncoded={uncoded} />
      <DuelTable rows={rows} since={coded?.since ?? null} />
    </div>
  );
}
