import type { Metadata } from 'next';
import { JoinPage } from '../../components/join/join-page.tsx';

export const metadata: Metadata = { title: 'Join as a device' };

export default function Page() {
  return <JoinPage />;
}
