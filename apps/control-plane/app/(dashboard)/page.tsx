import type { Metadata } from 'next';
import { Suspense } from 'react';
import { LivePage } from '../../components/live-page.tsx';
import { LoadingPage } from '../../components/shell/loading-page.tsx';

export const metadata: Metadata = { title: { absolute: 'Live · Sparewheel' } };

export default function Page() {
  return (
    // Which deployment is shown stands in the address, which the server that prerenders this does not know.
    <Suspense fallback={<LoadingPage />}>
      <LivePage />
    </Suspense>
  );
}
