'use client';
import { Minimize, Play, Square } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAnswerStatistics, useFaultReports } from '../duel/answer-store.ts';
import { CoverNote } from '../duel/cover-note.tsx';
import { DotLegend } from '../duel/dot-legend.tsx';
import { DuelLanes } from '../duel/duel-lanes.tsx';
import { type Duel, duelOf, noTwinReason } from '../duel/duel-view.ts';
import { useDuelNumbers } from '../duel/use-duel.ts';
import { fleetRows } from '../fleet/fleet-view.ts';
import { FleetWheel } from '../fleet/fleet-wheel.tsx';
import { useDeviceActions } from '../fleet/use-device-actions.ts';
import { inputKind } from '../inputs/input-kind.ts';
import { LatestKill } from '../kill-card/kill-card.tsx';
import { useTimeOfDay } from '../latency/use-time-of-day.ts';
import { useLive, useLoaded } from '../live-connection/live-queries.ts';
import { EmulatedBadge } from '../presets/emulated-badge.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { Button } from '../ui/button.tsx';
import { useSelectedDeployment } from '../use-deployment.ts';
import { StageButtons } from './stage-buttons.tsx';
import { StageJoin } from './stage-join.tsx';
import { StageLine } from './stage-line.tsx';
import { StageNumbers } from './stage-numbers.tsx';
import { pauseOf, stageNumbers, stageWheel } from './stage-view.ts';
import { useStage, useStageDevices, useStageKeys } from './use-stage.ts';

/** The duel for an audience: wheel, lanes, four numbers and large kill buttons on one screen without scrolling. */
export function StagePage() {
  const loaded = useLoaded();
  const { deployment: present, choose, gone } = useSelectedDeployment();
  // Keys must not act on another deployment than the one that the audience saw.
  const selected = gone === null ? present : null;
  const duel = useLive('deployments', (deployments) => duelOf(deployments, selected));
  const deployment = duel?.coded ?? selected;
  const devices = useLive('devices');
  const { pending } = useDeviceActions(devices);
  const stage = useStage(deployment, devices);
  const { shown, others } = useStageDevices(devices);
  useStageKeys(
    shown.filter(({ device }) => !pending.has(device.id)),
    stage,
  );
  if (!loaded) return <LoadingPage />;
  const wheel = stageWheel(fleetRows(devices, deployment, pending));
  const running = deployment?.load?.running === true;
  const reader = deployment !== null && inputKind(deployment) === 'line' ? deployment : null;

  return (
    <div className="grid min-h-0 min-w-0 flex-1 grid-cols-[minmax(0,1fr)] gap-3 p-3 md:grid-cols-[clamp(13rem,22vw,28rem)_minmax(0,1fr)] md:overflow-hidden">
      <h1 className="sr-only">Stage</h1>
      <aside className="flex min-h-0 min-w-0 flex-col items-center gap-2 overflow-x-hidden max-md:order-last md:overflow-y-auto md:[&>*]:shrink-0">
        <div className="w-full md:[&>div]:max-w-none">
          {wheel.shown.length > 0 && <FleetWheel rows={wheel.shown} />}
          {wheel.others > 0 && (
            <p className="text-center text-sm text-ink-soft">
              {wheel.others} more {wheel.others === 1 ? 'device' : 'devices'} without a seat
            </p>
          )}
        </div>
        <StageJoin />
        <div className="mt-auto flex w-full flex-wrap gap-2">
          <Button
            size="large"
            variant={running ? 'outline' : 'primary'}
            className="flex-1 px-2 text-base"
            disabled={deployment === null}
            title={running ? 'Stops the load (key l)' : 'Keeps 8 requests in flight (key l)'}
            onClick={stage.toggleLoad}
          >
            {running ? <Square /> : <Play />}
            {running ? 'End load' : 'Run a load'}
          </Button>
          <Button
            size="large"
            className="flex-1 px-2 text-base"
            title="Leaves the stage (Escape). Revives the devices killed here and stops the load started here."
            onClick={stage.leave}
          >
            <Minimize />
            Leave
          </Button>
        </div>
      </aside>
      <div className="flex min-h-0 min-w-0 flex-col gap-3 md:overflow-y-auto md:[&>*]:shrink-0">
        {gone !== null ? (
          <Gone name={gone} other={present?.name ?? null} onContinue={choose} />
        ) : duel === null ? (
          <NoDuel reason={deployment === null ? 'There is no deployment.' : noTwinReason(deployment)} />
        ) : (
          <StageDuel duel={duel}>
            {reader !== null && <StageLine key={reader.name} deployment={reader} />}
          </StageDuel>
        )}
        {duel === null && reader !== null && <StageLine key={reader.name} deployment={reader} />}
        <StageButtons
          devices={shown}
          others={others}
          pending={pending}
          low={reader !== null}
          onPress={stage.toggleDevice}
        />
      </div>
    </div>
  );
}

/** Says that the deployment of the stage was deleted. Another one is shown only on request. */
function Gone({
  name,
  other,
  onContinue,
}: {
  name: string;
  other: string | null;
  onContinue: (name: string) => void;
}) {
  return (
    <div
      role="alert"
      className="flex min-h-72 flex-1 flex-col items-center justify-center gap-4 rounded-xl border bg-surface p-8 text-center text-2xl text-ink-soft [overflow-wrap:anywhere]"
    >
      <p>Deployment {name} does not exist. It may have been deleted.</p>
      {other !== null && (
        <Button size="large" className="max-w-full" onClick={() => onContinue(other)}>
          <span className="truncate">Continue with {other}</span>
        </Button>
      )}
    </div>
  );
}

function NoDuel({ reason }: { reason: string | null }) {
  return (
    <p className="grid min-h-72 flex-1 place-items-center rounded-xl border bg-surface p-8 text-center text-2xl text-ink-soft">
      {reason ?? 'The deployment is being set up.'}
    </p>
  );
}

/** @param children  between the lanes and the kill card */
function StageDuel({ duel, children }: { duel: Duel; children: ReactNode }) {
  return (
    <>
      <Numbers duel={duel} />
      <section
        aria-label="Coded against uncoded"
        className="relative min-h-80 flex-1 rounded-xl border bg-surface md:min-h-56"
      >
        <DuelLanes duel={duel} large />
        <EmulatedBadge
          deployment={duel.coded}
          className="absolute top-2 left-1/2 h-8 -translate-x-1/2 px-3 text-lg"
        />
      </section>
      <div className="flex flex-wrap items-center gap-x-6 px-2 text-[clamp(0.875rem,1.1vw,1.25rem)] leading-tight text-ink-soft">
        <DotLegend />
        <StageSince name={duel.coded.name} />
        <CoverNote coded={duel.coded} />
      </div>
      {children}
      <div className="min-h-[5em] rounded-xl border bg-surface px-4 py-2 text-[clamp(1rem,1.5vw,2rem)] leading-normal">
        <LatestKill duel={duel} />
      </div>
    </>
  );
}

/** Renders alone when the numbers change. */
function Numbers({ duel }: { duel: Duel }) {
  const { coded, uncoded, lost } = useDuelNumbers(duel);
  const reports = useFaultReports();
  const numbers = stageNumbers(
    {
      statistics: coded,
      lost: lost.coded,
      waiting: duel.coded.outage?.waiting ?? 0,
      pauseMs: pauseOf(reports, coded),
    },
    {
      statistics: uncoded,
      lost: lost.uncoded,
      waiting: duel.uncoded?.outage?.waiting ?? 0,
      pauseMs: pauseOf(reports, uncoded),
    },
  );
  return <StageNumbers numbers={numbers} />;
}

/** Says since when the numbers count. */
function StageSince({ name }: { name: string }) {
  const since = useAnswerStatistics(name)?.since ?? null;
  const timeOf = useTimeOfDay();
  if (since === null) return null;
  return <span>Numbers since {timeOf(new Date(since).toISOString())}</span>;
}
