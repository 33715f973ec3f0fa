'use client';
import type { LatencyView } from '@sparewheel/protocol';
import { useEffect, useState } from 'react';
import { addToHeatmap, EMPTY_HEATMAP, type LatencyHeatmap } from './latency-heatmap.ts';

/** Collects latency over time for as long as the page is open. */
export function useHeatmap(latency: LatencyView | null): LatencyHeatmap {
  const [heatmap, setHeatmap] = useState(EMPTY_HEATMAP);
  useEffect(() => {
    if (latency !== null) setHeatmap((old) => addToHeatmap(old, latency, performance.now()));
  }, [latency]);
  return heatmap;
}
