'use client';
import { type RefObject, useEffect, useRef, useState } from 'react';

/**
 * Returns whether an element is on the screen. Parts that no one sees need no requests.
 * @param margin  also counts an element that is this close, in the syntax of CSS
 */
export function useOnScreen<Part extends Element>(
  margin: string,
): {
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
      { rootMargin: margin },
    );
    observer.observe(part.current);
    return () => observer.disconnect();
  });
  return { part, onScreen };
}
