'use client';
import type { DeploymentView, LatencyView } from '@sparewheel/protocol';
import { useCallback, useState } from 'react';
import { selectedDeployment } from '../src/view-model/deployment-status.ts';
import { useLive } from './live-connection/live-provider.tsx';

const STORAGE_KEY = 'sparewheel.deployment';

/** The deployment that the page shows, remembered in this tab, with its latency. */
export function useSelectedDeployment(): {
  deployment: DeploymentView | null;
  latency: LatencyView | null;
  choose: (name: string) => void;
} {
  const deployments = useLive((state) => state.deployments);
  const latencies = useLive((state) => state.latency);
  const [chosen, setChosen] = useState(() =>
    typeof window === 'undefined' ? null : window.sessionStorage.getItem(STORAGE_KEY),
  );
  const choose = useCallback((name: string) => {
    window.sessionStorage.setItem(STORAGE_KEY, name);
    setChosen(name);
  }, []);
  const deployment = selectedDeployment(deployments, chosen);
  const latency = latencies.find((view) => view.deployment === deployment?.name) ?? null;
  return { deployment, latency, choose };
}
