'use client';
import './globals.css';
import { MessagePage } from '../components/shell/message-page.tsx';
import { Button } from '../components/ui/button.tsx';

export default function GlobalError({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <MessagePage title="The dashboard broke">
          <p className="mt-2 text-ink-soft">{error.message}</p>
          <p className="mt-2 text-ink-soft">Deployments and requests are not affected.</p>
          <Button className="mt-5" variant="primary" onClick={reset}>
            Try again
          </Button>
        </MessagePage>
      </body>
    </html>
  );
}
