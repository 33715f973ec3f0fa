'use client';
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';

/** The state of the camera. `asking`: the browser asks the user for permission. */
export type Camera =
  | { readonly state: 'off' | 'asking' | 'on' }
  | { readonly state: 'refused'; readonly problem: string };

/** Shows the camera in `video`. Stops it when the component unmounts. */
export function useCamera(): {
  camera: Camera;
  video: RefObject<HTMLVideoElement | null>;
  start: () => Promise<void>;
  stop: () => void;
} {
  const [camera, setCamera] = useState<Camera>({ state: 'off' });
  const video = useRef<HTMLVideoElement>(null);
  const stream = useRef<MediaStream>(null);
  const gone = useRef(false);

  const release = useCallback(() => {
    for (const track of stream.current?.getTracks() ?? []) track.stop();
    stream.current = null;
  }, []);

  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      release();
    };
  }, [release]);

  async function start(): Promise<void> {
    setCamera({ state: 'asking' });
    try {
      const given = await askCamera();
      if (gone.current) {
        for (const track of given.getTracks()) track.stop();
        return;
      }
      stream.current = given;
      given.getVideoTracks()[0]?.addEventListener('ended', () => {
        release();
        setCamera({
          state: 'refused',
          problem: 'The camera was disconnected. Connect it and start it again.',
        });
      });
      if (video.current) {
        video.current.srcObject = given;
        await video.current.play();
      }
      setCamera({ state: 'on' });
    } catch (error) {
      release();
      if (!gone.current) setCamera({ state: 'refused', problem: cameraProblem(error) });
    }
  }

  return {
    camera,
    video,
    start,
    stop: () => {
      release();
      setCamera({ state: 'off' });
    },
  };
}

function askCamera(): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) {
    throw new Error(
      'Browsers allow the camera only over https or at localhost. Open the dashboard on its own machine, or use https.',
    );
  }
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: 'environment', width: { ideal: 640 } },
    audio: false,
  });
}

/** Explains an error of the camera, and what to do. [Media Capture and Streams §10.2] */
function cameraProblem(error: unknown): string {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Connect one and try again, or use images or a drawing.';
    case 'NotAllowedError':
      return 'The camera is not allowed for this page. Allow it in the address bar, then start it again.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera does not start. Close other programs that use it, and try again.';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
