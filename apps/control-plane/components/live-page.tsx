'use client';
import { memo, useDeferredValue } from 'react';
import { ArrivalsPanel } from './arrivals/arrivals-panel.tsx';
import { DeploymentBar } from './control/deployment-bar.tsx';
import { checksAnswers } from './control/deployment-status.ts';
import { EventsPanel } from './control/events-panel.tsx';
import { PolicyPanel } from './control/policy-panel.tsx';
import { DeployPanel } from './deploy/deploy-panel.tsx';
import { DuelPanel } from './duel/duel-panel.tsx';
import { FaultsPanel } from './faults/faults-panel.tsx';
import { FleetPanel } from './fleet/fleet-panel.tsx';
import { InputPanel } from './inputs/input-panel.tsx';
import { CounterStrip } from './latency/counter-strip.tsx';
import { LatencyPanel } from './latency/latency-panel.tsx';
import { useLoaded } from './live-connection/live-queries.ts';
import { LoadPanel } from './load/load-panel.tsx';
import { NetworkPanel } from './presets/network-panel.tsx';
import { LoadingPage } from './shell/loading-page.tsx';
import { Button } from './ui/button.tsx';
import { Notice } from './ui/notice.tsx';
import { useSelectedDeployment } from './use-deployment.ts';
import { useOnScreen } from './use-on-screen.ts';
import { useTraces } from './waterfall/use-traces.ts';
import { WaterfallPanel } from './waterfall/waterfall-panel.tsx';

// Latencies arrive five times a second. Panels that do not show them do not render.
const Duel = memo(DuelPanel);
const Fleet = memo(FleetPanel);
const Latency = memo(LatencyPanel);
const Input = memo(InputPanel);
const Load = memo(LoadPanel);
const Policy = memo(PolicyPanel);
const Waterfall = memo(WaterfallPanel);
const Arrivals = memo(ArrivalsPanel);
const Network = memo(NetworkPanel);
const Faults = memo(FaultsPanel);
const Deploy = memo(DeployPanel);
const Events = memo(EventsPanel);

/** Traces are requested before they scroll into view. */
const EARLY = '25%';

/** Everything about one deployment: break a device, and see the effect. */
export function LivePage() {
  const loaded = useLoaded();
  const { deployment, latency, choose, gone } = useSelectedDeployment();
  const waterfall = useOnScreen<HTMLDivElement>(EARLY);
  const policy = useOnScreen<HTMLDivElement>(EARLY);
  const { traces, error } = useTraces(deployment, waterfall.onScreen || policy.onScreen);
  // Charts render last, in pieces between frames, so that they never delay a click.
  const charted = useDeferredValue(deployment);
  const latencyLater = useDeferredValue(latency);
  if (!loaded) return <LoadingPage />;

  return (
    <div className="flex flex-col gap-4">
      <h1 className="sr-only">Live</h1>
      {gone !== null && <GoneNotice name={gone} shown={deployment?.name ?? null} onUnderstood={choose} />}
      <DeploymentBar selected={deployment} onSelect={choose} />
      <div className="live-grid" data-empty={deployment === null}>
        {deployment && (
          <div className="live-duel">
            <Duel deployment={deployment} />
            <CounterStrip
              latency={latency}
              load={deployment.load}
              state={deployment.state}
              rescue={deployment.policy.rescue}
              checked={checksAnswers(deployment)}
            />
          </div>
        )}
        <div className="live-fleet">
          <Fleet deployment={deployment} />
          {deployment && <Input deployment={deployment} onSelect={choose} />}
          <Events />
        </div>
        {deployment && (
          <div className="live-charts">
            <Latency latency={latencyLater} deployment={charted ?? deployment} />
            <div ref={waterfall.part} className="grid min-w-0">
              <Waterfall
                key={`waterfall ${deployment.name}`}
                deployment={deployment}
                traces={traces}
                error={error}
              />
            </div>
            <Arrivals key={`arrivals ${deployment.name}`} deployment={deployment} />
          </div>
        )}
        <div className="live-controls">
          {deployment && (
            <>
              <Load key={`load ${deployment.name}`} deployment={deployment} />
              <div ref={policy.part} className="grid min-w-0">
                <Policy key={`policy ${deployment.name}`} deployment={deployment} traces={traces} />
              </div>
              <div className="flex min-w-0 flex-col gap-4 [&>:last-child]:grow">
                <Network key={`network ${deployment.name}`} deployment={deployment} />
                <Faults />
              </div>
            </>
          )}
          <Deploy onDeployed={choose} />
        </div>
      </div>
    </div>
  );
}

/** Says that the selected deployment does not exist, perhaps because another operator deleted it. */
function GoneNotice({
  name,
  shown,
  onUnderstood,
}: {
  name: string;
  shown: string | null;
  onUnderstood: (shown: string) => void;
}) {
  return (
    <Notice tone="danger" title={`Deployment ${name} does not exist. It may have been deleted.`}>
      <p>
        Requests to it fail with status 404. Its model can be deployed again below.
        {shown !== null && ` This page now shows ${shown}.`}
      </p>
      {shown !== null && (
        <Button size="small" className="mt-2" onClick={() => onUnderstood(shown)}>
          Continue with {shown}
        </Button>
      )}
    </Notice>
  );
}
