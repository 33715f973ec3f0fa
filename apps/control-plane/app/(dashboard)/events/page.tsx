import type { Metadata } from 'next';
import { Suspense } from 'react';
import { EventsPage } from '../../../components/events/events-page.tsx';
import { LoadingPage } from '../../../components/shell/loading-page.tsx';

export const metadata: Metadata = { title: 'Events' };

export default function Page() {
  return (
    // The filter stands in the address, which the server that prerenders this does not know.
    <Suspense fallback={<LoadingPage />}>
      <EventsPage />
    </Suspense>
  );
}
