'use client';
import type { AnswerStatistics, AnswerUpdate, FaultReportView } from '@sparewheel/protocol';
import { create } from 'zustand';
import { LaneBuffer } from './lane-buffer.ts';

/** How much of the past the lanes show. */
export const SHOWN_MS = 20_000;
/** More dots than arrive in the shown time: 300 answers a second, and rarely other ends. */
const CAPACITY = 8_192;
/** The clocks of server and browser drift slowly; the smallest delay of an update gives the difference. */
const DRIFT_MS_PER_UPDATE = 0.05;

interface AnswerState {
  /** By deployment. */
  readonly statistics: ReadonlyMap<string, AnswerStatistics>;
  /** Newest first. */
  readonly faults: readonly FaultReportView[];
}

/** A time without messages of the server, in ms since 1970. */
export interface Silence {
  readonly from: number;
  /** null while it lasts. */
  readonly to: number | null;
}

/** Numbers, for components. Dots are not in it: they would render every component ten times a second. */
const answerStore = create<AnswerState>(() => ({ statistics: new Map(), faults: [] }));

const lanes = new Map<string, { readonly dots: LaneBuffer; sampledAt: number }>();
let skewMs: number | null = null;
let firstUpdateAt: number | null = null;
/** In ms since 1970 of the browser, oldest first. */
let silent: readonly Silence[] = [];

/** Takes an update of the live connection. */
export function receiveAnswers(update: AnswerUpdate, browserNow: number = Date.now()): void {
  firstUpdateAt ??= update.at;
  const delay = browserNow - update.at;
  skewMs = skewMs === null ? delay : Math.min(skewMs + DRIFT_MS_PER_UPDATE, delay);
  for (const { deployment, ended, dots } of update.batches) {
    const lane = laneOf(deployment);
    for (const dot of dots) lane.dots.add(dot);
    if (ended > dots.length) lane.sampledAt = update.at;
  }
  const { statistics, faults } = update;
  if (statistics === undefined && faults === undefined) return;
  answerStore.setState({
    ...(statistics === undefined
      ? {}
      : { statistics: new Map(statistics.map((each) => [each.deployment, each])) }),
    ...(faults === undefined ? {} : { faults }),
  });
}

/** Forgets everything: the next update may come from another server. */
export function forgetAnswers(): void {
  lanes.clear();
  skewMs = null;
  firstUpdateAt = null;
  silent = [];
  answerStore.setState({ statistics: new Map(), faults: [] });
}

/** Returns the server's time in ms since 1970. */
export function serverNow(): number {
  return serverTimeOf(Date.now());
}

/** Converts a time of the browser to the server's time, both in ms since 1970. */
export function serverTimeOf(browserTime: number): number {
  return browserTime - (skewMs ?? 0);
}

/** Notes that no message has come since `from`, in ms since 1970 of the browser. */
export function beginSilence(from: number): void {
  silent = [...silent.filter(({ to }) => to === null || Date.now() - to < SHOWN_MS), { from, to: null }];
}

/** Notes that messages come again. */
export function endSilence(browserNow: number = Date.now()): void {
  silent = silent.map((each) => (each.to === null ? { ...each, to: browserNow } : each));
}

/** Returns the last silences in the server's time, oldest first. */
export function silences(): readonly Silence[] {
  return silent.map(({ from, to }) => ({
    from: serverTimeOf(from),
    to: to === null ? null : serverTimeOf(to),
  }));
}

/** Returns when the first update came, in ms since 1970 of the server; null before it. */
export function receivedSince(): number | null {
  return firstUpdateAt;
}

/** Returns the dots of a deployment; without any, an empty buffer. */
export function dotsOf(deployment: string): LaneBuffer {
  return laneOf(deployment).dots;
}

/** Returns whether some of the shown dots are a sample of more requests. */
export function isSampled(deployment: string): boolean {
  return serverNow() - laneOf(deployment).sampledAt < SHOWN_MS;
}

/** Returns the statistics of a deployment; null before the first update. */
export function useAnswerStatistics(deployment: string | null): AnswerStatistics | null {
  return answerStore(({ statistics }) => (deployment === null ? null : (statistics.get(deployment) ?? null)));
}

/** Returns the reports of the last faults, newest first. */
export function useFaultReports(): readonly FaultReportView[] {
  return answerStore(({ faults }) => faults);
}

/** The same, outside of a component's rendering. */
export function faultReports(): readonly FaultReportView[] {
  return answerStore.getState().faults;
}

function laneOf(deployment: string) {
  let lane = lanes.get(deployment);
  if (lane === undefined) {
    lane = { dots: new LaneBuffer(CAPACITY), sampledAt: Number.NEGATIVE_INFINITY };
    lanes.set(deployment, lane);
  }
  return lane;
}
