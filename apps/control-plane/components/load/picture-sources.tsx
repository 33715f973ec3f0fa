'use client';
import { Camera as CameraIcon, ImageUp, Plus, VideoOff } from 'lucide-react';
import { useTheme } from 'next-themes';
import { useRef, useState } from 'react';
import { DigitCanvas } from '../inputs/digit/digit-canvas.tsx';
import type { Stroke } from '../inputs/digit/sample-strokes.ts';
import type { ImageInput } from '../inputs/image-input.ts';
import { useCamera } from '../inputs/use-camera.ts';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { Notice } from '../ui/notice.tsx';
import { type Picture, pictureFrom, pictureFromFile, pictureOf } from './picture.ts';

export interface PictureSource {
  readonly input: ImageInput;
  readonly onAdd: (pictures: readonly Picture[]) => void;
}

/** Adds image files, scaled in the browser. */
export function PictureFiles({ input, onAdd }: PictureSource) {
  const chooser = useRef<HTMLInputElement>(null);
  const [problems, setProblems] = useState<readonly string[]>([]);

  async function take(files: readonly File[]) {
    const results = await Promise.allSettled(files.map((file) => pictureFromFile(file, input)));
    onAdd(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
    setProblems(
      results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason.message)] : [])),
    );
  }

  return (
    <div className="flex flex-col gap-2">
      <Button size="small" className="w-fit" onClick={() => chooser.current?.click()}>
        <ImageUp />
        Choose images
      </Button>
      <input
        ref={chooser}
        type="file"
        accept="image/png,image/jpeg,image/*"
        multiple
        aria-label="Images for the load"
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          void take(files);
        }}
      />
      {problems.length > 0 && <Notice tone="danger">{problems.join(' ')}</Notice>}
    </div>
  );
}

/** Adds a drawing. For a 28 × 28 model it is thinned and centered like the training digits; for others it is scaled. */
export function PictureDrawing({ input, onAdd }: PictureSource) {
  const [strokes, setStrokes] = useState<readonly Stroke[]>([]);
  const { resolvedTheme } = useTheme();
  const pad = useRef<HTMLDivElement>(null);

  async function add() {
    const canvas = pad.current?.querySelector('canvas');
    if (!canvas) return;
    if (input.width === 28 && input.height === 28 && input.channels === 1) {
      const { digitFromStrokes } = await import('@sparewheel/zoo/digits');
      const pixels = digitFromStrokes(strokes.map((stroke) => stroke.map(([x, y]) => ({ x, y }))));
      onAdd([
        pictureOf(
          Uint8Array.from(pixels, (value) => Math.round(value * 255)),
          'Drawing',
          input,
        ),
      ]);
    } else {
      onAdd([pictureFrom(canvas, canvas, 'Drawing', input)]);
    }
    setStrokes([]);
  }

  return (
    <div className="flex items-end gap-3">
      <div ref={pad} className="w-36 shrink-0">
        <DigitCanvas
          strokes={strokes}
          onChange={setStrokes}
          theme={resolvedTheme}
          testId="load-canvas"
          label="Canvas for drawing an input. Without a pointer, use samples or images."
        />
      </div>
      <Button size="small" disabled={strokes.length === 0} onClick={() => void add()}>
        <Plus />
        Add drawing
      </Button>
    </div>
  );
}

/** Adds pictures from a camera. */
export function PictureCamera({ input, onAdd }: PictureSource) {
  const { camera, video, start, stop } = useCamera();
  const on = camera.state === 'on';

  function take() {
    const view = video.current;
    if (view === null) return;
    onAdd([pictureFrom(view, { width: view.videoWidth, height: view.videoHeight }, 'Camera', input)]);
  }

  return (
    <div className="flex flex-col gap-2">
      <video
        ref={video}
        muted
        playsInline
        aria-label="What the camera sees"
        data-testid="load-camera"
        className={cn('w-48 max-w-full rounded-lg border', !on && 'hidden')}
      />
      <div className="flex flex-wrap gap-2">
        {on ? (
          <>
            <Button size="small" onClick={take}>
              <Plus />
              Take picture
            </Button>
            <Button size="small" variant="quiet" onClick={stop}>
              <VideoOff />
              Camera off
            </Button>
          </>
        ) : (
          <Button size="small" disabled={camera.state === 'asking'} onClick={() => void start()}>
            <CameraIcon />
            {camera.state === 'asking' ? 'Asking for the camera…' : 'Start the camera'}
          </Button>
        )}
      </div>
      {camera.state === 'refused' && <Notice tone="danger">{camera.problem}</Notice>}
    </div>
  );
}
