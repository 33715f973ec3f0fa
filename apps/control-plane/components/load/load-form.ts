import type { LoadRequest, LoadView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';

/** The fields of the load panel. NaN is an empty field. */
export interface LoadForm {
  readonly mode: LoadRequest['mode'];
  readonly concurrency: number;
  readonly ratePerSecond: number;
  /** NaN: no limit. */
  readonly seconds: number;
  readonly requests: number;
}

export const FIRST_LOAD: LoadForm = {
  mode: 'closed',
  concurrency: 8,
  ratePerSecond: 50,
  seconds: Number.NaN,
  requests: Number.NaN,
};

/** Returns the request that starts a load. @param pictures  in base64; an empty list sends samples */
export function loadRequest(form: LoadForm, pictures: readonly string[]): LoadRequest {
  const ends = {
    ...(Number.isNaN(form.seconds) ? {} : { seconds: form.seconds }),
    ...(Number.isNaN(form.requests) ? {} : { requests: form.requests }),
    ...(pictures.length === 0 ? {} : { pictures: [...pictures] }),
  };
  return form.mode === 'closed'
    ? { mode: 'closed', concurrency: form.concurrency, ...ends }
    : { mode: 'open', ratePerSecond: form.ratePerSecond, ...ends };
}

/** Returns the fields of a running load, which another operator may have started. */
export function formOf(load: LoadView): LoadForm {
  return {
    mode: load.mode,
    concurrency: load.concurrency ?? FIRST_LOAD.concurrency,
    ratePerSecond: load.ratePerSecond ?? FIRST_LOAD.ratePerSecond,
    seconds: load.seconds ?? Number.NaN,
    requests: load.requests ?? Number.NaN,
  };
}

/** Returns the progress of a load, 0 to 1; null for a load without an end. */
export function loadProgress(load: LoadView, nowMs: number): number | null {
  const fractions = [
    ...(load.seconds == null ? [] : [(nowMs - Date.parse(load.startedAt)) / (load.seconds * 1000)]),
    ...(load.requests == null ? [] : [load.sent / load.requests]),
  ];
  if (fractions.length === 0) return null;
  return Math.min(1, Math.max(0, ...fractions));
}

/** Describes a load: "8 in flight, for 30 s, 3 pictures". */
export function describeLoad(load: LoadView): string {
  return [
    load.mode === 'closed' ? `${load.concurrency} in flight` : `${load.ratePerSecond} requests/s`,
    ...(load.seconds == null ? [] : [`for ${formatCount(load.seconds)} s`]),
    ...(load.requests == null ? [] : [`up to ${formatCount(load.requests)} requests`]),
    ...(load.pictures ? [load.pictures === 1 ? '1 picture' : `${load.pictures} pictures`] : []),
  ].join(', ');
}
