'use client';
import { useCallback, useEffect, useRef, useState } from 'react';

/** The state of a camera or microphone. `asking`: the browser asks the user for permission. */
export type MediaState =
  | { readonly state: 'off' | 'asking' | 'on' }
  | { readonly state: 'refused'; readonly problem: string };

export interface MediaSource {
  readonly name: 'camera' | 'microphone';
  /** What to do without it: "use images or a drawing". */
  readonly alternative: string;
  readonly constraints: MediaStreamConstraints;
  /** Explains an error that only this source has; null for all others. */
  readonly explain?: (errorName: string) => string | null;
  /** Uses the stream. @returns ends the use; the caller stops the tracks */
  readonly use: (stream: MediaStream) => Promise<() => void>;
}

/** Starts and stops a camera or microphone. `stop` also withdraws a pending start. Stops when the component unmounts. */
export function useMediaStream(source: MediaSource): {
  readonly media: MediaState;
  readonly start: () => Promise<void>;
  readonly stop: () => void;
} {
  const [media, setMedia] = useState<MediaState>({ state: 'off' });
  const release = useRef<() => void>(() => {});
  /** Grows with each start and stop. A start whose attempt is not the latest one changes nothing. */
  const attempt = useRef(0);

  const end = useCallback(() => {
    attempt.current += 1;
    release.current();
    release.current = () => {};
  }, []);
  useEffect(() => end, [end]);

  async function start(): Promise<void> {
    end();
    const mine = attempt.current;
    let releaseMine = () => {};
    setMedia({ state: 'asking' });
    const refuse = (problem: string) => {
      releaseMine();
      if (attempt.current !== mine) return;
      end();
      setMedia({ state: 'refused', problem });
    };
    try {
      const stream = await ask(source);
      releaseMine = () => {
        for (const track of stream.getTracks()) track.stop();
      };
      if (attempt.current !== mine) {
        releaseMine();
        return;
      }
      release.current = releaseMine;
      for (const track of stream.getTracks()) {
        track.addEventListener('ended', () =>
          refuse(`The ${source.name} was disconnected. Connect it and start it again.`),
        );
      }
      const endUse = await source.use(stream);
      if (attempt.current !== mine) {
        endUse();
        return;
      }
      release.current = () => {
        releaseMine();
        endUse();
      };
      setMedia({ state: 'on' });
    } catch (error) {
      refuse(problemOf(source, error));
    }
  }

  return {
    media,
    start,
    stop: () => {
      end();
      setMedia({ state: 'off' });
    },
  };
}

function ask({ name, constraints }: MediaSource): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) {
    throw new Error(
      `Browsers allow the ${name} only over https or at localhost. Open the dashboard on its own machine, or use https.`,
    );
  }
  return navigator.mediaDevices.getUserMedia(constraints);
}

/** Explains an error, and what to do. [Media Capture and Streams §10.2] */
function problemOf({ name, alternative, explain }: MediaSource, error: unknown): string {
  const errorName = error instanceof DOMException ? error.name : '';
  switch (errorName) {
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${name} was found. Connect one and try again, or ${alternative}.`;
    case 'NotAllowedError':
      return `The ${name} is not allowed for this page. Allow it in the address bar, then start it again.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${name} does not start. Close other programs that use it, and try again.`;
    default:
      return explain?.(errorName) ?? (error instanceof Error ? error.message : String(error));
  }
}
