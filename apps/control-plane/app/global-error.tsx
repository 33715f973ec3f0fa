'use client';
import './globals.css';
import { MessagePage } from '../components/shell/message-page.tsx';
import { Button } from '../components/ui/button.tsx';

/** Replaces the whole document after an error in the root layout. It has no theme provider, so it reads the theme itself. */
export default function GlobalError({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <html lang="en" className={prefersDark() ? 'dark' : ''}>
      <body>
        <title>The dashboard failed to load · Sparewheel</title>
        <MessagePage title="The dashboard failed to load">
          <p className="mt-2 text-ink-soft">{error.message}</p>
          <p className="mt-2 text-ink-soft">
            Deployments and requests are not affected. Try again or reload the page.
          </p>
          <Button className="mt-5" variant="primary" onClick={reset}>
            Try again
          </Button>
        </MessagePage>
      </body>
    </html>
  );
}

/** Reads the choice of next-themes. Must not throw. */
function prefersDark(): boolean {
  if (typeof window === 'undefined') return false;
  try {
    const chosen = window.localStorage.getItem('theme');
    if (chosen === 'dark' || chosen === 'light') return chosen === 'dark';
    return window.matchMedia('(prefers-color-scheme: dark)').matches;
  } catch {
    return false;
  }
}
