'use client';
import type { DeploymentView, LatencyView } from '@sparewheel/protocol';
import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { selectedDeployment } from './control/deployment-status.ts';
import { useLive } from './live-connection/live-provider.tsx';

const STORAGE_KEY = 'sparewheel.deployment';
const never = () => () => {};

/** The deployment that the page shows, with its latency: the one in the address, or the last one of this tab. */
export function useSelectedDeployment(): {
  deployment: DeploymentView | null;
  latency: LatencyView | null;
  choose: (name: string) => void;
  /** What the page showed, or was asked to show, and cannot: it was deleted, or never was. */
  gone: string | null;
} {
  const deployments = useLive((state) => state.deployments);
  const latencies = useLive((state) => state.latency);
  const addressed = useSearchParams().get('deployment');
  const path = usePathname();
  // The server does not know it: the first paint shows the first deployment.
  const remembered = useSyncExternalStore(
    never,
    () => window.sessionStorage.getItem(STORAGE_KEY),
    () => null,
  );
  const [deleted, setDeleted] = useState<string | null>(null);
  const shown = useRef<string | null>(null);
  const choose = useCallback(
    (name: string) => {
      window.sessionStorage.setItem(STORAGE_KEY, name);
      setDeleted(null);
      // In the address, so that it can be sent to somebody; replaced, so that "back" leaves the page.
      window.history.replaceState(null, '', `${path}?deployment=${encodeURIComponent(name)}`);
    },
    [path],
  );
  const deployment = selectedDeployment(deployments, addressed ?? remembered);

  useEffect(() => {
    const before = shown.current;
    if (before !== null && deployments.every(({ name }) => name !== before)) setDeleted(before);
    shown.current = deployment?.name ?? null;
  }, [deployments, deployment]);
  const unknown = addressed !== null && addressed !== deployment?.name ? addressed : null;

  const latency = latencies.find((view) => view.deployment === deployment?.name) ?? null;
  return { deployment, latency, choose, gone: deleted ?? unknown };
}
