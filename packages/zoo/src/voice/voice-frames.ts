/** Samples per second that the detector knows. */
export const VOICE_SAMPLE_RATE = 16_000;
/** New samples in each input: 32 ms. */
export const VOICE_FRAME_SAMPLES = 512;
/** Samples of the previous frame at the start of each input. [silero-vad, OnnxWrapper] */
export const VOICE_CONTEXT_SAMPLES = 64;
export const VOICE_INPUT_SAMPLES = VOICE_CONTEXT_SAMPLES + VOICE_FRAME_SAMPLES;
/** Shape of the recurrent state, which each answer returns for the next input. */
export const VOICE_STATE_DIMS = [2, 1, 128] as const;

export function silentVoiceState(): Float32Array {
  return new Float32Array(2 * 1 * 128);
}

/** Collects samples of any count into frames of 512. */
export class VoiceFrames {
  private pending = new Float32Array(VOICE_FRAME_SAMPLES);
  private filled = 0;

  /** Adds samples. @returns the frames that are complete now, each 512 samples */
  add(samples: ArrayLike<number>): Float32Array[] {
    const frames: Float32Array[] = [];
    for (let i = 0; i < samples.length; i++) {
      this.pending[this.filled++] = samples[i] ?? 0;
      if (this.filled < VOICE_FRAME_SAMPLES) continue;
      frames.push(this.pending);
      this.pending = new Float32Array(VOICE_FRAME_SAMPLES);
      this.filled = 0;
    }
    return frames;
  }
}

/**
 * Returns the input for a frame: the end of the previous frame, then the frame.
 * @param previous  null for the first frame
 */
export function voiceInput(previous: Float32Array | null, frame: Float32Array): Float32Array {
  const input = new Float32Array(VOICE_INPUT_SAMPLES);
  if (previous !== null) input.set(previous.subarray(previous.length - VOICE_CONTEXT_SAMPLES));
  input.set(frame, VOICE_CONTEXT_SAMPLES);
  return input;
}
