'use client';
import { Button } from '../../components/ui/button.tsx';
import { Notice } from '../../components/ui/notice.tsx';

/** Replaces a page that failed. The header and the connection stay. */
export default function DashboardError({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <div className="mx-auto max-w-xl py-16">
      <h1 className="mb-4 text-xl font-semibold tracking-[-0.02em]">This page failed to load</h1>
      <Notice tone="danger">
        <p>{error.message}</p>
        <p className="mt-1">Deployments and requests are not affected. Try again or reload the page.</p>
      </Notice>
      <Button className="mt-4" variant="primary" onClick={reset}>
        Try again
      </Button>
    </div>
  );
}
