import type { ReactNode } from 'react';

/** The title of a page, a summary, and its actions. */
export function PageHeading({
  title,
  hint,
  actions,
}: {
  title: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className="flex flex-wrap items-end justify-between gap-x-4 gap-y-2">
      <div className="min-w-0">
        <h1 className="text-xl leading-7 font-semibold tracking-[-0.02em] break-words">{title}</h1>
        {hint !== undefined && <p className="mt-0.5 text-[0.8125rem] text-ink-soft">{hint}</p>}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  );
}
