'use client';
import { VOICE_SAMPLE_RATE } from '@sparewheel/zoo/voice';
import { useRef } from 'react';
import { type MediaState, useMediaStream } from '../use-media-stream.ts';

/** Passes each block of samples to the page. It runs on the browser's audio thread. */
const RECORDER = `registerProcessor('recorder', class extends AudioWorkletProcessor {
  process([[channel]]) {
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
});`;

/** Records from the microphone at 16 kHz. Stops when the component unmounts. @param onSamples  gets each block */
export function useMicrophone(onSamples: (samples: Float32Array) => void): {
  microphone: MediaState;
  start: () => Promise<void>;
  stop: () => void;
} {
  const latest = useRef(onSamples);
  latest.current = onSamples;
  const { media, start, stop } = useMediaStream({
    name: 'microphone',
    alternative: 'use the sample',
    constraints: { audio: { channelCount: 1 }, video: false },
    explain: (error) =>
      error === 'NotSupportedError'
        ? 'This browser cannot record at 16 kHz. Use the sample, or another browser.'
        : null,
    use: (stream) => record(stream, (samples) => latest.current(samples)),
  });
  return { microphone: media, start, stop };
}

/** @returns ends the recording */
async function record(stream: MediaStream, onSamples: (samples: Float32Array) => void): Promise<() => void> {
  const context = new AudioContext({ sampleRate: VOICE_SAMPLE_RATE });
  const end = () => void context.close();
  try {
    const module = URL.createObjectURL(new Blob([RECORDER], { type: 'text/javascript' }));
    await context.audioWorklet.addModule(module);
    URL.revokeObjectURL(module);
    const recorder = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0 });
    recorder.port.onmessage = ({ data }: MessageEvent<Float32Array>) => onSamples(data);
    context.createMediaStreamSource(stream).connect(recorder);
    return end;
  } catch (error) {
    end();
    throw error;
  }
}
