'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { useEffect, useRef, useState } from 'react';
import { errorText } from '../live-connection/api-client.ts';
import { useConnection } from '../live-connection/live-connection.ts';
import { type Feed, type Inferred, infer } from './infer.ts';

/** Time between two requests, so that the effect of a dead device is visible at once. */
const EVERY_MS = 250;

/** What a panel asks and how it reads the answer. */
export interface Question<Value> {
  /** The input of the next request; null if there is nothing to ask now. */
  readonly feeds: () => Promise<readonly Feed[] | null> | readonly Feed[] | null;
  readonly fetches: readonly string[];
  /** @throws {Error} the answer is not one of this model */
  readonly read: (answer: Inferred) => Value;
}

export interface LiveAnswers<Value> {
  /** The last answer; null before the first one, and while nothing is asked. */
  readonly last: (Inferred & { readonly value: Value }) | null;
  /** Answers to this question, and how many of them needed parity. */
  readonly asked: number;
  readonly recoveredAnswers: number;
  readonly problem: string | null;
}

export const NO_ANSWERS = { last: null, asked: 0, recoveredAnswers: 0, problem: null } as const;

/** Returns whether a deployment answers requests now. */
export function answers({ state }: Pick<DeploymentView, 'state'>): boolean {
  return state === 'ready' || state === 'degraded' || state === 'rescuing';
}

/**
 * Asks repeatedly while the page is visible and the deployment answers, one request at a time.
 * @param active  whether there is something to ask; a change to false clears the answer
 */
export function useLiveAnswers<Value>(
  deployment: DeploymentView,
  active: boolean,
  question: Question<Value>,
): LiveAnswers<Value> {
  const [live, setLive] = useState<LiveAnswers<Value>>(NO_ANSWERS);
  const latest = useRef(question);
  latest.current = question;
  const { name } = deployment;
  // Without a connection the last answer stays. The banner reports the lost connection.
  const asking = useConnection() === 'live' && answers(deployment);

  useEffect(() => {
    if (!active) setLive(NO_ANSWERS);
    if (!active || !asking) return;
    const stop = new AbortController();
    void askUntil(stop.signal, name, () => latest.current, setLive);
    return () => stop.abort();
  }, [name, active, asking]);

  return live;
}

async function askUntil<Value>(
  signal: AbortSignal,
  deployment: string,
  question: () => Question<Value>,
  update: (change: (live: LiveAnswers<Value>) => LiveAnswers<Value>) => void,
): Promise<void> {
  while (!signal.aborted) {
    const pause = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (!document.hidden) {
      try {
        const { feeds, fetches, read } = question();
        const next = await feeds();
        if (next !== null) {
          const answer = await infer(deployment, next, fetches, signal);
          const last = { ...answer, value: read(answer) };
          if (signal.aborted) return;
          update((live) => ({
            last,
            asked: live.asked + 1,
            recoveredAnswers: live.recoveredAnswers + (answer.recovered > 0 ? 1 : 0),
            problem: null,
          }));
        }
      } catch (error) {
        if (signal.aborted) return;
        update((live) => ({ ...live, problem: errorText(error) }));
      }
    }
    await pause;
  }
}
