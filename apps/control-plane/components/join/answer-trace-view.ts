import type { DeviceReport } from '@sparewheel/device/browser';

/** The trace shows so much time. */
const SHOWN_MS = 10_000;
/** More ticks than a phone has columns would hide each other. */
const MOST = 600;

export type TracedAnswer = DeviceReport['recent'][number];

/** Adds the answers of a report, and drops those that the trace no longer shows. */
export function addAnswers(
  before: readonly TracedAnswer[],
  recent: readonly TracedAnswer[],
  now: number,
): readonly TracedAnswer[] {
  return [...before, ...recent].filter(({ at }) => now - at <= SHOWN_MS).slice(-MOST);
}

/** Returns a tick per answer: `x` from 0 (oldest) to 1 (now), `height` relative to the longest computation. */
export function traceTicks(
  answers: readonly TracedAnswer[],
  now: number,
): readonly { readonly x: number; readonly height: number }[] {
  const longest = Math.max(...answers.map(({ computeMs }) => computeMs), Number.EPSILON);
  return answers
    .map(({ at, computeMs }) => ({ x: 1 - (now - at) / SHOWN_MS, height: computeMs / longest }))
    .filter(({ x }) => x >= 0 && x <= 1);
}
