import type { Metadata } from 'next';
import { MessagePage } from '../../components/shell/message-page.tsx';
import { SignInForm } from '../../components/shell/sign-in-form.tsx';
import { Notice } from '../../components/ui/notice.tsx';

export const metadata: Metadata = { title: 'Sign in' };

/** Why the server did not accept the token in the address. */
const REASONS: Readonly<Record<string, string>> = {
  'unknown-token':
    'The token in the address is not known. It may be from an earlier start of the control plane.',
  'wrong-role':
    'The token in the address is for devices or for inference. The dashboard needs the operator token.',
};

export default async function SignInPage({
  searchParams,
}: {
  searchParams: Promise<{ reason?: string | string[] }>;
}) {
  const { reason } = await searchParams;
  const explanation = typeof reason === 'string' ? REASONS[reason] : undefined;
  return (
    <MessagePage title="Sign in to Sparewheel">
      {explanation !== undefined && (
        <Notice tone="danger" className="mt-4">
          {explanation}
        </Notice>
      )}
      <p className="mt-3 mb-6 text-ink-soft">
        The start command printed an address that ends with the token:{' '}
        <code className="font-mono text-[0.8125rem] text-ink">…/?token=…</code>. If{' '}
        <code className="font-mono text-[0.8125rem] [overflow-wrap:anywhere] text-ink">
          SPAREWHEEL_OPERATOR_TOKEN
        </code>{' '}
        is set, use its value.
      </p>
      <SignInForm />
    </MessagePage>
  );
}
