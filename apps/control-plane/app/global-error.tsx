'use client';
import './globals.css';
import { MessagePage } from '../components/shell/message-page.tsx';
import { Button } from '../components/ui/button.tsx';

/** Everything above the pages broke, the theme's provider included: the theme is found out by hand. */
export default function GlobalError({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <html lang="en" className={prefersDark() ? 'dark' : ''}>
      <body>
        <title>The dashboard broke · Sparewheel</title>
        <MessagePage title="The dashboard broke">
          <p className="mt-2 text-ink-soft">{error.message}</p>
          <p className="mt-2 text-ink-soft">
            Deployments and requests are not affected. Try again; where that does not help, reload the page.
          </p>
          <Button className="mt-5" variant="primary" onClick={reset}>
            Try again
          </Button>
        </MessagePage>
      </body>
    </html>
  );
}

/** As next-themes keeps the choice; nothing here may throw. */
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
