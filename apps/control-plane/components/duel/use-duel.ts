'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { checksAnswers } from '../control/deployment-status.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { DEMO_LOAD } from '../load/demo-load.ts';
import { useAnswerStatistics } from './answer-store.ts';
import { DETECT_MS, type Detection, type Duel, type DuelRow, duelRows } from './duel-view.ts';

/** Turns the uncoded twin of a deployment on and off, and changes how fast it detects a failure. */
export function useTwin(coded: DeploymentView) {
  const path = `/api/deployments/${encodeURIComponent(coded.name)}/twin`;
  return {
    switched: useMutation({ mutationFn: (on: boolean) => askApi(on ? 'POST' : 'DELETE', path) }),
    detection: useMutation({
      mutationFn: (detection: Detection) => askApi('PATCH', path, { detectMs: DETECT_MS[detection] }),
    }),
  };
}

/** Starts and stops the load of a deployment. Its twin gets copies of the requests. */
export function useDuelLoad(coded: DeploymentView) {
  const path = `/api/deployments/${encodeURIComponent(coded.name)}/load`;
  return useMutation({
    mutationFn: (on: boolean) => (on ? askApi('POST', path, DEMO_LOAD) : askApi('DELETE', path)),
  });
}

/** Returns the statistics of both lanes, and the rows of the table. */
export function useDuelNumbers({ coded, uncoded }: Duel) {
  const ofCoded = useAnswerStatistics(coded.name);
  const ofUncoded = useAnswerStatistics(uncoded?.name ?? null);
  const latencies = useLive('latency');
  const lostOf = (name: string | undefined) =>
    latencies.find(({ deployment }) => deployment === name)?.counts.lost ?? null;
  const lost = { coded: lostOf(coded.name), uncoded: lostOf(uncoded?.name) };
  const checked = {
    coded: checksAnswers(coded),
    uncoded: uncoded !== null && checksAnswers(uncoded),
  };
  const rows: readonly DuelRow[] = duelRows(ofCoded, ofUncoded, lost, checked);
  return { coded: ofCoded, uncoded: ofUncoded, lost, rows };
}
