'use client';
import { Button } from '../../components/ui/button.tsx';
import { Notice } from '../../components/ui/notice.tsx';

/** A part of the page broke. The connection above it lives on. */
export default function DashboardError({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <div className="mx-auto max-w-xl py-16">
      <Notice tone="danger" title="This page could not be drawn.">
        <p>{error.message}</p>
        <p className="mt-1">Deployments and requests are not affected. Try again, or reload the page.</p>
      </Notice>
      <Button className="mt-4" variant="primary" onClick={reset}>
        Try again
      </Button>
    </div>
  );
}
