'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { errorText } from '../live-connection/api-client.ts';
import { useConnection } from '../live-connection/live-connection.ts';
import { type Answered, type CurrentAnswer, currentAnswer } from './current-answer.ts';
import { type Feed, type Inferred, infer } from './infer.ts';

/** Time between two requests, so that the effect of a dead device is visible at once. */
const EVERY_MS = 250;
/** How often the displayed waiting time is updated. */
const TICK_MS = 500;

/** What a panel asks and how it reads the answer. */
export interface Question<Value> {
  /** Identifies the input that `feeds` reads. An answer is only shown with the input that it was asked for. */
  readonly input: unknown;
  /** The input of the next request; null if there is nothing to ask now. */
  readonly feeds: () => Promise<readonly Feed[] | null> | readonly Feed[] | null;
  readonly fetches: readonly string[];
  /** @throws {Error} the answer is not one of this model */
  readonly read: (answer: Inferred) => Value;
}

export interface LiveAnswers<Value> extends CurrentAnswer<Inferred & { readonly value: Value }> {
  /** Answers to this question, and how many of them needed parity. */
  readonly asked: number;
  readonly recoveredAnswers: number;
  readonly problem: string | null;
}

export const NO_ANSWERS = {
  last: null,
  previous: null,
  waitingMs: null,
  asked: 0,
  recoveredAnswers: 0,
  problem: null,
} as const;

interface Received<Value> {
  readonly answered: Answered<Inferred & { readonly value: Value }> | null;
  readonly asked: number;
  readonly recoveredAnswers: number;
  readonly problem: string | null;
}

const NOTHING = { answered: null, asked: 0, recoveredAnswers: 0, problem: null } as const;

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
  const [received, setReceived] = useState<Received<Value>>(NOTHING);
  const latest = useRef(question);
  // After the panel has painted the input, so that a request never pairs an input with the picture of another.
  useLayoutEffect(() => {
    latest.current = question;
  });
  const { name } = deployment;
  // Without a connection nothing is asked. The banner reports the lost connection.
  const asking = useConnection() === 'live' && answers(deployment);

  const now = useTicks(active);
  const since = useRef({ active: false, input: undefined as unknown, inputAt: now, answeredAt: now });
  if (!since.current.active && active) since.current.answeredAt = now;
  if (since.current.active !== active || !Object.is(since.current.input, question.input)) {
    since.current = { ...since.current, active, input: question.input, inputAt: now };
  }

  useEffect(() => {
    if (!active) setReceived(NOTHING);
    if (!active || !asking) return;
    const stop = new AbortController();
    const alive = () => {
      since.current.answeredAt = clock();
    };
    void askUntil(stop.signal, name, () => latest.current, setReceived, alive);
    return () => stop.abort();
  }, [name, active, asking]);

  if (!active) return NO_ANSWERS;
  const { answered, ...counts } = received;
  const { inputAt, answeredAt } = since.current;
  return { ...counts, ...currentAnswer(answered, question.input, inputAt, answeredAt, now) };
}

/** Renders regularly while active. @returns the time in ms */
export function useTicks(active: boolean): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => tick((ticks) => ticks + 1), TICK_MS);
    return () => clearInterval(timer);
  }, [active]);
  return clock();
}

/** Returns the time in ms, for durations. */
export function clock(): number {
  return performance.now();
}

async function askUntil<Value>(
  signal: AbortSignal,
  deployment: string,
  question: () => Question<Value>,
  update: (change: (received: Received<Value>) => Received<Value>) => void,
  alive: () => void,
): Promise<void> {
  while (!signal.aborted) {
    const pause = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden) alive();
    else {
      try {
        const { input, feeds, fetches, read } = question();
        const next = await feeds();
        if (next === null) alive();
        else {
          const answer = await infer(deployment, next, fetches, signal);
          const answered = { input, answer: { ...answer, value: read(answer) } };
          if (signal.aborted) return;
          alive();
          update((received) => ({
            answered,
            asked: received.asked + 1,
            recoveredAnswers: received.recoveredAnswers + (answer.recovered > 0 ? 1 : 0),
            problem: null,
          }));
        }
      } catch (error) {
        if (signal.aborted) return;
        update((received) => ({ ...received, problem: errorText(error) }));
      }
    }
    await pause;
  }
}
