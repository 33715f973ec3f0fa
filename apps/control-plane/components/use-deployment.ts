'use client';
import type { DeploymentView, LatencyView } from '@sparewheel/protocol';
import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback, useEffect, useRef, useState } from 'react';
import { create } from 'zustand';
import { createJSONStorage, persist } from 'zustand/middleware';
import { selectedDeployment } from './control/deployment-status.ts';
import { useLive } from './live-connection/live-queries.ts';

/** The deployment that was last selected in this tab. Survives a reload. */
const useRemembered = create(
  persist(() => ({ name: null as string | null }), {
    name: 'sparewheel.deployment',
    storage: createJSONStorage(() => sessionStorage),
  }),
);

/** Returns the deployment that the page shows, with its latency: the one in the address, or the last one of this tab. */
export function useSelectedDeployment(): {
  deployment: DeploymentView | null;
  latency: LatencyView | null;
  choose: (name: string) => void;
  /** The name of a deployment that the page cannot show: it was deleted, or it never existed. */
  gone: string | null;
} {
  const deployments = useLive('deployments');
  const latencies = useLive('latency');
  const addressed = useSearchParams().get('deployment');
  const path = usePathname();
  const remembered = useRemembered(({ name }) => name);
  const [deleted, setDeleted] = useState<string | null>(null);
  const shown = useRef<string | null>(null);
  const choose = useCallback(
    (name: string) => {
      useRemembered.setState({ name });
      setDeleted(null);
      // In the address, so that it can be shared. Replaced, so that "back" leaves the page.
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
