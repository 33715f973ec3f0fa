'use client';
import { type RefObject, useRef } from 'react';
import { type MediaState, useMediaStream } from './use-media-stream.ts';

/** Shows the camera in `video`. Stops it when the component unmounts. */
export function useCamera(): {
  camera: MediaState;
  video: RefObject<HTMLVideoElement | null>;
  start: () => Promise<void>;
  stop: () => void;
} {
  const video = useRef<HTMLVideoElement>(null);
  const { media, start, stop } = useMediaStream({
    name: 'camera',
    alternative: 'use images or a drawing',
    constraints: { video: { facingMode: 'environment', width: { ideal: 640 } }, audio: false },
    use: async (stream) => {
      const element = video.current;
      if (element === null) return () => {};
      element.srcObject = stream;
      await element.play();
      return () => {
        if (element.srcObject === stream) element.srcObject = null;
      };
    },
  });
  return { camera: media, video, start, stop };
}
