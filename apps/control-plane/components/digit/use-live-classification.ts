'use client';
import type { TensorSpec } from '@sparewheel/protocol';
import { useEffect, useRef, useState } from 'react';
import { askApi, errorText } from '../live-connection/api-client.ts';
import { useConnection } from '../live-connection/live-connection.ts';
import { type Classification, digitRequest, type InferResponse, readClassification } from './digit-view.ts';
import type { Stroke } from './sample-strokes.ts';

/** Time between two requests, so that the effect of a dead device is visible at once. */
const EVERY_MS = 250;

export interface LiveClassification {
  readonly classification: Classification | null;
  /** Requests for this drawing, and how many of them needed parity. */
  readonly asked: number;
  readonly recoveredAnswers: number;
  readonly problem: string | null;
}

const IDLE: LiveClassification = { classification: null, asked: 0, recoveredAnswers: 0, problem: null };

/** Classifies the drawing repeatedly while the page is visible, one request at a time. */
export function useLiveClassification(
  deployment: string,
  input: TensorSpec,
  strokes: readonly Stroke[],
): LiveClassification {
  const [live, setLive] = useState(IDLE);
  const latest = useRef(strokes);
  latest.current = strokes;
  const connected = useConnection() === 'live';
  const drawn = strokes.length > 0;
  const spec = useRef(input);
  spec.current = input;

  useEffect(() => {
    if (!drawn) setLive(IDLE);
    // Without a connection the last answer stays. The banner reports the lost connection.
    if (!drawn || !connected) return;
    const stop = new AbortController();
    void classifyUntil(
      stop.signal,
      deployment,
      () => latest.current,
      () => spec.current,
      setLive,
    );
    return () => stop.abort();
  }, [deployment, drawn, connected]);

  return live;
}

async function classifyUntil(
  signal: AbortSignal,
  deployment: string,
  strokes: () => readonly Stroke[],
  input: () => TensorSpec,
  update: (change: (live: LiveClassification) => LiveClassification) => void,
): Promise<void> {
  const { digitFromStrokes } = await import('@sparewheel/zoo/digits');
  while (!signal.aborted) {
    const pause = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (!document.hidden && strokes().length > 0) {
      try {
        const pixels = digitFromStrokes(strokes().map((stroke) => stroke.map(([x, y]) => ({ x, y }))));
        const path = `/api/deployments/${encodeURIComponent(deployment)}/infer`;
        const response = await askApi<InferResponse>('POST', path, digitRequest(input(), pixels), signal);
        const classification = readClassification(response);
        if (signal.aborted) return;
        update((live) => ({
          classification,
          asked: live.asked + 1,
          recoveredAnswers: live.recoveredAnswers + (classification.recovered > 0 ? 1 : 0),
          problem: null,
        }));
      } catch (error) {
        if (signal.aborted) return;
        update((live) => ({ ...live, problem: errorText(error) }));
      }
    }
    await pause;
  }
}
