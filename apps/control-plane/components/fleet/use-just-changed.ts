import { useEffect, useState } from 'react';

/** Whether a value has become another one less than so many milliseconds ago. */
export function useJustChanged<T>(value: T, forMs: number): boolean {
  const [settled, settle] = useState(value);
  useEffect(() => {
    if (settled === value) return;
    const timer = setTimeout(() => settle(value), forMs);
    return () => clearTimeout(timer);
  }, [value, settled, forMs]);
  return settled !== value;
}
