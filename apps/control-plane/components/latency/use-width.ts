'use client';
import { type RefObject, useEffect, useRef, useState } from 'react';

/** The width of an element in whole pixels, 0 until it is known. */
export function useWidth<Target extends HTMLElement>(): [RefObject<Target | null>, number] {
  const target = useRef<Target>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (target.current === null) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(target.current);
    return () => observer.disconnect();
  }, []);
  return [target, width];
}
