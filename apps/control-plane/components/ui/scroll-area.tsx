import type { ComponentProps } from 'react';
import { cn } from './class-names.ts';

/** A part of the page that scrolls by itself, also by keyboard. `label` names its content. */
export function ScrollArea({ label, className, ...props }: ComponentProps<'section'> & { label: string }) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll the focused element
      tabIndex={0}
      className={cn('relative overflow-auto focus-visible:-outline-offset-2', className)}
      {...props}
    />
  );
}
