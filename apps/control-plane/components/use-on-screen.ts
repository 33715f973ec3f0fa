'use client';
import { type RefObject, useEffect, useRef, useState } from 'react';

/** Starts early, so that the part has its data when it scrolls into view. */
const MARGIN = '25%';

/** Returns whether an element is on the screen or close to it. Parts that no one sees need no requests. */
export function useOnScreen<Part extends Element>(): {
  readonly part: RefObject<Part | null>;
  readonly onScreen: boolean;
} {
  const part = useRef<Part>(null);
  const [onScreen, setOnScreen] = useState(false);
  // Without dependencies: the element may appear after the first render.
  useEffect(() => {
    if (part.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => setOnScreen(entries.at(-1)?.isIntersecting ?? false),
      { rootMargin: MARGIN },
    );
    observer.observe(part.current);
    return () => observer.disconnect();
  });
  return { part, onScreen };
}
