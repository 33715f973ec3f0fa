'use client';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { paintWhole } from './letterbox.ts';
import { useCamera } from './use-camera.ts';
import { usePicture } from './use-picture.ts';

export type PictureSource = 'sample' | 'picture' | 'camera';

/** Side of the square that the panel shows, in pixels. */
const SHOWN_SIDE = 384;

/** A square picture from a sample, a file or the camera. */
export interface SquarePicture {
  readonly source: PictureSource;
  readonly choose: (source: PictureSource) => void;
  readonly setPicture: (picture: ImageBitmap) => void;
  /** Shows the sample or the file. */
  readonly canvas: RefObject<HTMLCanvasElement | null>;
  readonly side: number;
  readonly camera: ReturnType<typeof useCamera>;
  /** Whether there is a picture now. */
  readonly present: boolean;
  /** Identifies the picture: another picture gets another answer. The camera is one input. */
  readonly input: unknown;
  /** Returns the pixels of the picture at a size, four bytes each; null if there is none now. */
  readonly pixels: (size: { readonly width: number; readonly height: number }) => Uint8ClampedArray | null;
}

/** @param sample  an SVG that replaces a camera; null: black */
export function useSquarePicture(sample: string | null): SquarePicture {
  const [source, setSource] = useState<PictureSource>(sample === null ? 'picture' : 'sample');
  const [sampleImage, setSampleImage] = useState<HTMLImageElement | null>(null);
  const [picture, setPicture] = usePicture();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scaled = useRef<HTMLCanvasElement>(null);
  const camera = useCamera();

  useEffect(() => {
    if (sample === null) return;
    const image = new Image();
    image.onload = () => setSampleImage(image);
    image.src = `data:image/svg+xml,${encodeURIComponent(sample)}`;
    return () => {
      image.onload = null;
    };
  }, [sample]);

  const still = { sample: sampleImage, picture, camera: null }[source];
  useEffect(() => {
    if (canvas.current === null) return;
    if (still !== null) paintWhole(canvas.current, still, still);
    else canvas.current.getContext('2d')?.clearRect(0, 0, canvas.current.width, canvas.current.height);
  }, [still]);

  return {
    source,
    choose: (next) => {
      if (next !== 'camera') camera.stop();
      setSource(next);
    },
    setPicture,
    canvas,
    side: SHOWN_SIDE,
    camera,
    present: still !== null || (source === 'camera' && camera.camera.state === 'on'),
    input: still ?? source,
    pixels: ({ width, height }) => {
      scaled.current ??= document.createElement('canvas');
      scaled.current.width = width;
      scaled.current.height = height;
      const video = camera.video.current;
      const context =
        still !== null
          ? paintWhole(scaled.current, still, still)
          : source === 'camera' && video !== null && video.videoWidth > 0
            ? paintWhole(scaled.current, video, { width: video.videoWidth, height: video.videoHeight })
            : null;
      return context === null ? null : context.getImageData(0, 0, width, height).data;
    },
  };
}
