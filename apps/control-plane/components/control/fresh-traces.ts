'use client';
import type { RequestTrace } from '@sparewheel/coordinator';
import type { LatencyView } from '@sparewheel/protocol';
import { useEffect, useState } from 'react';

/** Without a new request for this time, the last ones say nothing about now. */
export const IDLE_MS = 10_000;

/** The last request before a change. Traces of later requests are fresh. */
export interface Boundary {
  /** Identifies the change; undefined before the first one. */
  readonly key: number | undefined;
  /** The number of the last request that is known to have begun before the change; null until the next poll. */
  readonly after: number | null;
  /** The traces at the change. They were polled before it, so requests may have begun in between. */
  readonly seen: readonly RequestTrace[];
}

/**
 * Moves the boundary after a change. It is the newest request of the first poll after the change, because the poll before
 * does not contain the last requests before it.
 */
export function moveBoundary(
  boundary: Boundary,
  key: number | undefined,
  traces: readonly RequestTrace[],
): Boundary {
  if (key !== boundary.key) return { key, after: null, seen: traces };
  const newest = newestRequest(traces);
  if (boundary.after === null) {
    return traces === boundary.seen ? boundary : { ...boundary, after: newest };
  }
  // A new run of the data plane counts from another number.
  return newest < boundary.after ? { ...boundary, after: newest } : boundary;
}

export function freshTraces({ after }: Boundary, traces: readonly RequestTrace[]): readonly RequestTrace[] {
  return after === null ? [] : traces.filter(({ request }) => request > after);
}

/** The ids of the newest change, and of the newest change that affects arrival times: all but those of the policy. */
export function changeKeys(latency: Pick<LatencyView, 'changes'> | undefined) {
  const changes = latency?.changes ?? [];
  return {
    any: changes[0]?.id,
    ofArrivals: changes.find(({ cause }) => cause !== 'policy')?.id,
  };
}

/**
 * Returns the traces of requests since the last change, so that no number mixes two conditions or two policies.
 * @returns `arrivals`: since the last change of the devices or the plan; `measured`: also since the last change of the
 *   policy; `idle`: no request came for a while
 */
export function useFreshTraces(
  traces: readonly RequestTrace[],
  keys: ReturnType<typeof changeKeys>,
): {
  readonly arrivals: readonly RequestTrace[];
  readonly measured: readonly RequestTrace[];
  readonly idle: boolean;
} {
  const arrivals = useBoundary(traces, keys.ofArrivals);
  const measured = useBoundary(traces, keys.any);
  const newest = newestRequest(traces);
  const [idleSince, setIdleSince] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setIdleSince(newest), IDLE_MS);
    return () => clearTimeout(timer);
  }, [newest]);
  return {
    arrivals: freshTraces(arrivals, traces),
    measured: freshTraces(measured, traces),
    idle: idleSince === newest,
  };
}

function useBoundary(traces: readonly RequestTrace[], key: number | undefined): Boundary {
  const [boundary, setBoundary] = useState<Boundary>({ key, after: null, seen: traces });
  const moved = moveBoundary(boundary, key, traces);
  if (moved !== boundary) setBoundary(moved);
  return moved;
}

function newestRequest(traces: readonly RequestTrace[]): number {
  return traces.reduce((newest, { request }) => Math.max(newest, request), 0);
}
