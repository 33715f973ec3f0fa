'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { LINE_HEIGHT, LINE_WIDTH } from '@sparewheel/zoo/line-reader';
import { type RefObject, useLayoutEffect, useRef, useState } from 'react';
import { ErrorNotice } from '../../shell/errors.tsx';
import { Button } from '../../ui/button.tsx';
import { cn } from '../../ui/class-names.ts';
import { Field, Input } from '../../ui/field.tsx';
import { Segmented } from '../../ui/segmented.tsx';
import { AnswerNote } from '../answer-note.tsx';
import { CameraButton } from '../camera-button.tsx';
import { PictureDrop } from '../picture-drop.tsx';
import { useCamera } from '../use-camera.ts';
import { usePicture } from '../use-picture.ts';
import { LineResult } from './line-result.tsx';
import { MOST_CHARACTERS, SAMPLE_LINE } from './line-view.ts';
import { middleStrip, paintPicture, paintText } from './paint-line.ts';
import { useLineReading } from './use-line-reading.ts';

type Source = 'text' | 'picture' | 'camera';
const SOURCES = [
  { value: 'text', label: 'Type' },
  { value: 'picture', label: 'Picture' },
  { value: 'camera', label: 'Camera' },
] as const;

/** Reads a typed line, a picture or the camera repeatedly. */
export function LinePanel({ deployment }: { deployment: DeploymentView }) {
  const [source, setSource] = useState<Source>('text');
  const [text, setText] = useState('');
  const [picture, setPicture] = usePicture();
  const paper = useRef<HTMLCanvasElement>(null);
  const filled = useRef(0);
  const camera = useCamera();
  useLayoutEffect(() => {
    const context = paper.current?.getContext('2d');
    if (!context) return;
    if (source === 'text') filled.current = paintText(context, text);
    else if (source === 'picture' && picture !== null) {
      filled.current = paintPicture(context, picture, {
        x: 0,
        y: 0,
        width: picture.width,
        height: picture.height,
      });
    } else context.clearRect(0, 0, LINE_WIDTH, LINE_HEIGHT);
  }, [source, text, picture]);

  const shown = {
    text: text.trim() !== '',
    picture: picture !== null,
    camera: camera.camera.state === 'on',
  }[source];

  const { live, read, current, comparison, error } = useLineReading(deployment, {
    paper,
    filled,
    present: shown,
    input: { text: `text ${text}`, picture, camera: 'camera' }[source],
    typed: source === 'text' ? text : null,
    ...(source === 'camera' ? { refresh: paintCamera } : {}),
  });

  function paintCamera(context: CanvasRenderingContext2D): boolean {
    const video = camera.video.current;
    if (video === null || video.videoWidth === 0) return false;
    const strip = middleStrip({ width: video.videoWidth, height: video.videoHeight });
    filled.current = paintPicture(context, video, strip);
    return true;
  }

  function choose(next: Source) {
    if (next !== 'camera') camera.stop();
    setSource(next);
  }

  return (
    <div className="flex flex-1 flex-col gap-3 border-t p-4">
      <Segmented label="Source of the line" value={source} options={SOURCES} onChange={choose} />
      {source === 'text' && (
        <div className="flex items-end gap-2">
          <Field label="Line of text" className="flex-1">
            {(ids) => (
              <Input
                {...ids}
                value={text}
                maxLength={MOST_CHARACTERS}
                placeholder="Type a line"
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => setText(event.target.value)}
              />
            )}
          </Field>
          <Button onClick={() => setText(SAMPLE_LINE)}>Sample</Button>
        </div>
      )}
      {source === 'picture' ? (
        <PictureDrop label="Picture of a line" onPicture={setPicture}>
          <Paper paper={paper} hint={picture === null ? 'Drop a picture of one line here' : null} />
        </PictureDrop>
      ) : (
        <Paper paper={paper} hint={null} />
      )}
      {source === 'camera' && <CameraStrip {...camera} />}
      <LineResult
        read={read}
        current={current}
        latencyMs={live.last?.latencyMs ?? null}
        comparison={comparison}
      />
      <ErrorNotice error={error} />
      <AnswerNote live={live} deployment={deployment} meanwhile="watch the text" />
    </div>
  );
}

/** What the model sees. The paper is white in both themes. */
function Paper({ paper, hint }: { paper: RefObject<HTMLCanvasElement | null>; hint: string | null }) {
  return (
    <div className="relative">
      <canvas
        ref={paper}
        width={LINE_WIDTH}
        height={LINE_HEIGHT}
        role="img"
        aria-label="The line that the model reads"
        data-testid="line-paper"
        className="w-full rounded-lg border border-line-strong bg-raised"
      />
      {hint !== null && (
        <p className="pointer-events-none absolute inset-0 grid place-items-center text-xs text-ink-soft">
          {hint}
        </p>
      )}
    </div>
  );
}

/** The camera, with the strip that is read. */
function CameraStrip({ video, ...controls }: ReturnType<typeof useCamera>) {
  const on = controls.camera.state === 'on';
  return (
    <div className="flex flex-col gap-2">
      <div className={cn('relative overflow-hidden rounded-lg', !on && 'hidden')}>
        <video ref={video} muted playsInline aria-label="What the camera sees" className="w-full" />
        <span
          aria-hidden
          className="absolute inset-x-0 top-1/2 aspect-[10/1] -translate-y-1/2 border-y-2 border-white shadow-[0_0_0_100vmax_rgb(0_0_0/0.45)]"
        />
      </div>
      {on && <p className="text-xs text-ink-soft">Hold one line of text into the bright strip.</p>}
      <CameraButton {...controls} />
    </div>
  );
}
