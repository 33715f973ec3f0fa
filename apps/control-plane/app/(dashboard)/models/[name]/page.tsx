import type { Metadata } from 'next';
import { ModelPage } from '../../../../components/models/model-page.tsx';

type Props = { params: Promise<{ name: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${decodeURIComponent((await params).name)} · Models` };
}

export default async function Page({ params }: Props) {
  const { name } = await params;
  return <ModelPage name={decodeURIComponent(name)} />;
}
