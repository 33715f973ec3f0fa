'use client';
import { VOICE_SAMPLE_RATE } from '@sparewheel/zoo/voice';
import { useCallback, useEffect, useRef, useState } from 'react';

/** The state of the microphone. `asking`: the browser asks the user for permission. */
export type Microphone =
  | { readonly state: 'off' | 'asking' | 'on' }
  | { readonly state: 'refused'; readonly problem: string };

/** Passes each block of samples to the page. It runs on the browser's audio thread. */
const RECORDER = `registerProcessor('recorder', class extends AudioWorkletProcessor {
  process([[channel]]) {
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
});`;

/** Records from the microphone at 16 kHz. Stops when the component unmounts. @param onSamples  gets each block */
export function useMicrophone(onSamples: (samples: Float32Array) => void): {
  microphone: Microphone;
  start: () => Promise<void>;
  stop: () => void;
} {
  const [microphone, setMicrophone] = useState<Microphone>({ state: 'off' });
  const latest = useRef(onSamples);
  latest.current = onSamples;
  const running = useRef<{ stream: MediaStream; context: AudioContext }>(null);
  const attempt = useRef(0);

  const release = useCallback(() => {
    attempt.current += 1;
    for (const track of running.current?.stream.getTracks() ?? []) track.stop();
    void running.current?.context.close();
    running.current = null;
  }, []);
  useEffect(() => release, [release]);

  async function start(): Promise<void> {
    release();
    const mine = attempt.current;
    setMicrophone({ state: 'asking' });
    let given: MediaStream | undefined;
    try {
      given = await askMicrophone();
      const context = new AudioContext({ sampleRate: VOICE_SAMPLE_RATE });
      if (attempt.current !== mine) {
        for (const track of given.getTracks()) track.stop();
        void context.close();
        return;
      }
      running.current = { stream: given, context };
      const module = URL.createObjectURL(new Blob([RECORDER], { type: 'text/javascript' }));
      await context.audioWorklet.addModule(module);
      URL.revokeObjectURL(module);
      if (attempt.current !== mine) return;
      const recorder = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0 });
      recorder.port.onmessage = ({ data }: MessageEvent<Float32Array>) => latest.current(data);
      context.createMediaStreamSource(given).connect(recorder);
      given.getAudioTracks()[0]?.addEventListener('ended', () => {
        release();
        setMicrophone({
          state: 'refused',
          problem: 'The microphone was disconnected. Connect it and start it again.',
        });
      });
      setMicrophone({ state: 'on' });
    } catch (error) {
      if (attempt.current !== mine) return;
      release();
      for (const track of given?.getTracks() ?? []) track.stop();
      setMicrophone({ state: 'refused', problem: microphoneProblem(error) });
    }
  }

  return {
    microphone,
    start,
    stop: () => {
      release();
      setMicrophone({ state: 'off' });
    },
  };
}

function askMicrophone(): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) {
    throw new Error(
      'Browsers allow the microphone only over https or at localhost. Open the dashboard on its own machine, or use https.',
    );
  }
  return navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 }, video: false });
}

/** Explains an error of the microphone, and what to do. [Media Capture and Streams §10.2] */
function microphoneProblem(error: unknown): string {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No microphone was found. Connect one and try again, or use the sample.';
    case 'NotAllowedError':
      return 'The microphone is not allowed for this page. Allow it in the address bar, then start it again.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The microphone does not start. Close other programs that use it, and try again.';
    case 'NotSupportedError':
      return 'This browser cannot record at 16 kHz. Use the sample, or another browser.';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
