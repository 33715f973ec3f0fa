import { type ComponentProps, type ReactNode, useId } from 'react';
import { cn } from './class-names.ts';

const CONTROL =
  'h-8 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-[0.8125rem] placeholder:text-ink-faint aria-invalid:border-danger disabled:opacity-50';

/** A label above its control, and a help text or an error below it. */
export function Field({
  label,
  help,
  error,
  className,
  children,
}: {
  label: string;
  help?: string;
  error?: string | null;
  className?: string;
  children: (ids: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': boolean;
  }) => ReactNode;
}) {
  const id = useId();
  const wrong = error != null && error !== '';
  const note = wrong ? error : help;
  return (
    <div className={cn('flex min-w-0 flex-col gap-1', className)}>
      <label htmlFor={id} className="text-xs font-medium text-ink-soft">
        {label}
      </label>
      {children({ id, 'aria-describedby': note ? `${id}-note` : undefined, 'aria-invalid': wrong })}
      {note && (
        <p id={`${id}-note`} className={cn('text-xs', wrong ? 'text-danger-ink' : 'text-ink-soft')}>
          {note}
        </p>
      )}
    </div>
  );
}

export function Input({ className, ...props }: ComponentProps<'input'>) {
  return <input className={cn(CONTROL, className)} {...props} />;
}

export function Select({ className, ...props }: ComponentProps<'select'>) {
  return <select className={cn(CONTROL, 'pr-1', className)} {...props} />;
}
