import type { Metadata } from 'next';
import { LivePage } from '../../components/live-page.tsx';

export const metadata: Metadata = { title: { absolute: 'Live · Sparewheel' } };

export default function Page() {
  return <LivePage />;
}
