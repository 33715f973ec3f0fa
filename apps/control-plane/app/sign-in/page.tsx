import type { Metadata } from 'next';
import { MessagePage } from '../../components/shell/message-page.tsx';
import { SignInForm } from '../../components/shell/sign-in-form.tsx';

export const metadata: Metadata = { title: 'Sign in' };

export default function SignInPage() {
  return (
    <MessagePage title="Sign in to Sparewheel">
      <p className="mt-2 mb-6 text-ink-soft">
        The token stands at the end of the address that the start command printed,{' '}
        <code className="font-mono text-[0.8125rem] text-ink">…/?token=…</code>. Where{' '}
        <code className="font-mono text-[0.8125rem] break-all text-ink">SPAREWHEEL_OPERATOR_TOKEN</code> is
        set, it is that one.
      </p>
      <SignInForm />
    </MessagePage>
  );
}
