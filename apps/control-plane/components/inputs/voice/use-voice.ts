'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import {
  silentVoiceState,
  VOICE_INPUT_SAMPLES,
  VOICE_STATE_DIMS,
  VoiceFrames,
  voiceInput,
} from '@sparewheel/zoo/voice';
import { useEffect, useRef, useState } from 'react';
import { errorText } from '../../live-connection/api-client.ts';
import { useConnection } from '../../live-connection/live-connection.ts';
import { NOTICEABLE_WAIT_MS } from '../current-answer.ts';
import { floatsOf, infer } from '../infer.ts';
import { answers, clock, type LiveAnswers, NO_ANSWERS, useTicks } from '../use-live-answers.ts';
import { appendGap, appendProbability, type FrameResult, MOST_WAITING } from './voice-view.ts';

export interface Listening {
  readonly live: LiveAnswers<number>;
  /** Probabilities of speech, oldest first; null for a frame without an answer. */
  readonly probabilities: readonly FrameResult[];
  /** Frames without a request, because the answers came too slowly or the deployment does not answer. */
  readonly skipped: number;
  /** Adds samples at 16 kHz. */
  readonly hear: (samples: Float32Array) => void;
}

const SILENT: Omit<Listening, 'hear'> = { live: NO_ANSWERS, probabilities: [], skipped: 0 };
/** Time until the next attempt after an error. */
const PAUSE_MS = 250;

/**
 * Sends each frame of sound with the state of the last answer, one request at a time. A result belongs to its moment: it
 * disappears when no answer comes.
 * @param active  whether there is sound; a change starts from a silent state
 */
export function useVoice(deployment: DeploymentView, active: boolean): Listening {
  const [heard, setHeard] = useState<Omit<Listening, 'hear'>>(SILENT);
  const waiting = useRef<Float32Array[]>([]);
  const frames = useRef(new VoiceFrames());
  const wake = useRef<() => void>(() => {});
  const { name } = deployment;
  const asking = useConnection() === 'live' && answers(deployment) && active;

  const now = useTicks(active);
  const since = useRef({ active: false, answeredAt: now });
  if (since.current.active !== active) since.current = { active, answeredAt: now };

  useEffect(() => {
    if (!active) setHeard(SILENT);
  }, [active]);

  useEffect(() => {
    waiting.current = [];
    frames.current = new VoiceFrames();
    if (!asking) return;
    const stop = new AbortController();
    void listen(stop.signal);
    return () => {
      stop.abort();
      wake.current();
    };

    async function listen(signal: AbortSignal) {
      let state = silentVoiceState();
      let previous: Float32Array | null = null;
      while (!signal.aborted) {
        const frame = waiting.current.shift();
        if (frame === undefined) {
          await new Promise<void>((resolve) => {
            wake.current = resolve;
          });
          continue;
        }
        try {
          const answer = await infer(
            name,
            [
              { name: 'input', dims: [1, VOICE_INPUT_SAMPLES], data: voiceInput(previous, frame) },
              { name: 'state', dims: VOICE_STATE_DIMS, data: state },
            ],
            ['output', 'stateN'],
            signal,
          );
          const value = floatsOf(answer, 'output')[0] ?? 0;
          state = floatsOf(answer, 'stateN') as Float32Array<ArrayBuffer>;
          previous = frame;
          since.current.answeredAt = clock();
          setHeard(({ live, probabilities, skipped }) => ({
            live: {
              ...NO_ANSWERS,
              last: { ...answer, value },
              asked: live.asked + 1,
              recoveredAnswers: live.recoveredAnswers + (answer.recovered > 0 ? 1 : 0),
            },
            probabilities: appendProbability(probabilities, value),
            skipped,
          }));
        } catch (error) {
          if (signal.aborted) return;
          setHeard((known) => ({ ...known, live: { ...known.live, problem: errorText(error) } }));
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        }
      }
    }
  }, [name, asking]);

  const silentMs = now - since.current.answeredAt;
  const stalled = active && silentMs > NOTICEABLE_WAIT_MS;
  return {
    ...heard,
    live: stalled ? { ...heard.live, last: null, waitingMs: silentMs } : heard.live,
    hear: (samples) => {
      if (!active) return;
      waiting.current.push(...frames.current.add(samples));
      const late = waiting.current.length - (asking ? MOST_WAITING : 0);
      if (late > 0) {
        waiting.current.splice(0, late);
        setHeard(({ live, probabilities, skipped }) => ({
          live,
          probabilities: appendGap(probabilities, late),
          skipped: skipped + late,
        }));
      }
      wake.current();
    },
  };
}
