'use client';
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';

/** Where the camera is: `off`, being asked for, showing, or why not. */
export type Camera =
  | { readonly state: 'off' | 'asking' | 'on' }
  | { readonly state: 'refused'; readonly problem: string };

/** The page's camera, shown in `video` while it is on. It goes off with the component. */
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
        setCamera({ state: 'refused', problem: 'The camera was unplugged or taken away. Start it again.' });
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
      'Browsers give the camera only to pages over https or at localhost. Open the dashboard on the machine itself, or put TLS before it.',
    );
  }
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: 'environment', width: { ideal: 640 } },
    audio: false,
  });
}

/** What a refused camera means for the person. [Media Capture and Streams §10.2] */
function cameraProblem(error: unknown): string {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Connect one and try again, or use images or a drawing.';
    case 'NotAllowedError':
      return 'The camera is not allowed for this page. Allow it beside the address, and start it again.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera does not start; another program may be using it. Close that and try again.';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
