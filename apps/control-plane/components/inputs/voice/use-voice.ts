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
import { floatsOf, infer } from '../infer.ts';
import { answers, type LiveAnswers, NO_ANSWERS } from '../use-live-answers.ts';
import { appendProbability, MOST_WAITING } from './voice-view.ts';

export interface Listening {
  readonly live: LiveAnswers<number>;
  /** Probabilities of speech, oldest first. */
  readonly probabilities: readonly number[];
  /** Frames without a request, because the answers came too slowly. */
  readonly skipped: number;
  /** Adds samples at 16 kHz. */
  readonly hear: (samples: Float32Array) => void;
}

const SILENT = { live: NO_ANSWERS, probabilities: [], skipped: 0 };
/** Time until the next attempt after an error. */
const PAUSE_MS = 250;

/**
 * Sends each frame of sound with the state of the last answer, one request at a time.
 * @param active  whether there is sound; a change starts from a silent state
 */
export function useVoice(deployment: DeploymentView, active: boolean): Listening {
  const [heard, setHeard] = useState<Omit<Listening, 'hear'>>(SILENT);
  const waiting = useRef<Float32Array[]>([]);
  const frames = useRef(new VoiceFrames());
  const wake = useRef<() => void>(() => {});
  const { name } = deployment;
  const asking = useConnection() === 'live' && answers(deployment) && active;

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

  return {
    ...heard,
    hear: (samples) => {
      if (!asking) return;
      waiting.current.push(...frames.current.add(samples));
      const late = waiting.current.length - MOST_WAITING;
      if (late > 0) {
        waiting.current.splice(0, late);
        setHeard((known) => ({ ...known, skipped: known.skipped + late }));
      }
      wake.current();
    },
  };
}
