'use client';
import { useRouter } from 'next/navigation';
import { type FormEvent, useContext, useState } from 'react';
import { askApi, errorText } from '../live-connection/api-client.ts';
import { LiveStoreContext } from '../live-connection/live-provider.tsx';
import { Button } from '../ui/button.tsx';
import { Field, Input } from '../ui/field.tsx';

/** Takes the operator token. On the dashboard (`compact`) it goes on where it was, on its own page it leads to `/`. */
export function SignInForm({ compact = false }: { compact?: boolean }) {
  const router = useRouter();
  const store = useContext(LiveStoreContext);
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function signIn(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await askApi('POST', '/api/session', { token: token.trim() });
      if (store) store.reconnect();
      else router.replace('/');
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={signIn} className={compact ? 'flex items-end gap-2' : 'flex flex-col gap-4'}>
      <Field label="Operator token" error={problem} {...(compact ? { className: 'w-56' } : {})}>
        {(ids) => (
          <Input
            {...ids}
            type="password"
            name="token"
            autoComplete="current-password"
            required
            value={token}
            onChange={(event) => setToken(event.target.value)}
            className={compact ? 'text-ink' : 'h-9'}
          />
        )}
      </Field>
      <Button
        type="submit"
        variant="primary"
        size={compact ? 'medium' : 'large'}
        disabled={busy || token.trim() === ''}
      >
        {busy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}
