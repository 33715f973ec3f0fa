import type { ReactNode } from 'react';
import { Logo } from './logo.tsx';

/** A page with one message: sign in, not found, or an error. */
export function MessagePage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-sm">
        <Logo className="size-9" />
        <h1 className="mt-5 text-xl font-semibold tracking-[-0.02em]">{title}</h1>
        {children}
      </div>
    </main>
  );
}
