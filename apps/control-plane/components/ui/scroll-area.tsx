import type { ComponentProps } from 'react';
import { cn } from './class-names.ts';

/** A part of a page that scrolls by itself, and that the keyboard reaches for that. `label` says what is in it. */
export function ScrollArea({ label, className, ...props }: ComponentProps<'section'> & { label: string }) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll what has the focus
      tabIndex={0}
      className={cn('relative overflow-auto focus-visible:-outline-offset-2', className)}
      {...props}
    />
  );
}
