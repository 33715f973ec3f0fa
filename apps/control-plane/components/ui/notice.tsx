import { CircleAlert, Info } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from './class-names.ts';

/** A message at the place that it belongs to: what happened, then what to do. */
export function Notice({
  tone = 'info',
  title,
  children,
  className,
}: {
  tone?: 'info' | 'danger';
  title?: string;
  children?: ReactNode;
  className?: string;
}) {
  const Icon = tone === 'danger' ? CircleAlert : Info;
  return (
    <div
      role={tone === 'danger' ? 'alert' : 'note'}
      className={cn(
        'flex gap-2 rounded-lg px-3 py-2 text-[0.8125rem] leading-5',
        tone === 'danger' ? 'bg-danger-wash text-danger-ink' : 'bg-raised text-ink-soft',
        className,
      )}
    >
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 break-words">
        {title !== undefined && <p className="font-medium">{title}</p>}
        {children}
      </div>
    </div>
  );
}
