import type { ComponentProps, ReactNode } from 'react';
import { cn } from './class-names.ts';

/** A section with a title. The title names the region for screen readers. */
export function Card({
  title,
  hint,
  actions,
  className,
  children,
  ...props
}: Omit<ComponentProps<'section'>, 'title'> & { title: string; hint?: ReactNode; actions?: ReactNode }) {
  return (
    <section
      aria-label={title}
      className={cn('flex min-w-0 flex-col rounded-xl border bg-surface shadow-card', className)}
      {...props}
    >
      <header className="flex min-h-12 flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
        <h2 className="text-sm font-semibold tracking-[-0.01em]">{title}</h2>
        {hint !== undefined && <div className="min-w-0 truncate text-xs text-ink-faint">{hint}</div>}
        {actions !== undefined && <div className="ml-auto flex items-center gap-2">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
