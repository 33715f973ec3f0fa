'use client';
import type { ReactNode } from 'react';
import { cn } from '../ui/class-names.ts';
import { Segmented } from '../ui/segmented.tsx';
import { CameraButton } from './camera-button.tsx';
import { PictureDrop } from './picture-drop.tsx';
import type { PictureSource, SquarePicture } from './use-square-picture.ts';

const LABELS: Readonly<Record<PictureSource, string>> = {
  sample: 'Sample',
  picture: 'Picture',
  camera: 'Camera',
};

/** Chooses and shows a square picture. Children are drawn over it. */
export function SquareStage({
  square,
  sources,
  children,
}: {
  square: SquarePicture;
  sources: readonly PictureSource[];
  children?: ReactNode;
}) {
  const { source, choose, setPicture, canvas, side, camera, present } = square;
  const filming = source === 'camera' && camera.camera.state === 'on';
  const stage = (
    <div className="relative aspect-square w-full overflow-hidden rounded-lg border border-line-strong bg-black">
      <canvas
        ref={canvas}
        width={side}
        height={side}
        role="img"
        aria-label="The picture that the model sees"
        data-testid="square-picture"
        className={cn('size-full', source === 'camera' && 'hidden')}
      />
      <video
        ref={camera.video}
        muted
        playsInline
        aria-label="What the camera sees"
        className={cn('size-full object-contain', !filming && 'hidden')}
      />
      {!present && (
        <p className="pointer-events-none absolute inset-0 grid place-items-center px-4 text-center text-xs text-[#b2b2bd]">
          {source === 'camera' ? 'The camera is off' : 'Drop a picture here'}
        </p>
      )}
      {children}
    </div>
  );
  return (
    <div className="flex flex-col gap-3">
      <Segmented
        label="Source of the picture"
        value={source}
        options={sources.map((value) => ({ value, label: LABELS[value] }))}
        onChange={choose}
      />
      {source === 'picture' ? (
        <PictureDrop label="Picture" onPicture={setPicture}>
          {stage}
        </PictureDrop>
      ) : (
        stage
      )}
      {source === 'camera' && <CameraButton {...camera} />}
    </div>
  );
}
