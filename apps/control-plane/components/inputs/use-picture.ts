'use client';
import { useEffect, useState } from 'react';

/** Keeps one picture. Closes it when another one replaces it, and when the component unmounts. */
export function usePicture(): [ImageBitmap | null, (picture: ImageBitmap) => void] {
  const [picture, setPicture] = useState<ImageBitmap | null>(null);
  useEffect(() => () => picture?.close(), [picture]);
  return [picture, setPicture];
}
