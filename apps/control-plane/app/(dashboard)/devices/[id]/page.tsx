import type { Metadata } from 'next';
import { DevicePage } from '../../../../components/devices/device-page.tsx';

export const metadata: Metadata = { title: 'Device' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <DevicePage id={decodeURIComponent(id)} />;
}
