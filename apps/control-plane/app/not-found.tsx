import type { Metadata } from 'next';
import Link from 'next/link';
import { MessagePage } from '../components/shell/message-page.tsx';

export const metadata: Metadata = { title: 'Not found' };

export default function NotFound() {
  return (
    <MessagePage title="Page not found">
      <p className="mt-2 text-ink-soft">
        The address may be wrong, or its deployment, model or device was deleted. Go to the{' '}
        <Link href="/" className="font-medium text-ink underline underline-offset-4">
          live page
        </Link>
        .
      </p>
    </MessagePage>
  );
}
