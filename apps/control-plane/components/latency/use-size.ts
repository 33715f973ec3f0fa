'use client';
import { type RefObject, useEffect, useRef, useState } from 'react';

/** Measures an element in whole pixels. Returns 0 × 0 before the first measurement. */
export function useSize<Target extends HTMLElement>(): [
  RefObject<Target | null>,
  { readonly width: number; readonly height: number },
] {
  const target = useRef<Target>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (target.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      setSize({ width: Math.floor(width), height: Math.floor(height) });
    });
    observer.observe(target.current);
    return () => observer.disconnect();
  }, []);
  return [target, size];
}
