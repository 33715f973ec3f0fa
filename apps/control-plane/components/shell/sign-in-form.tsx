'use client';
import { useMutation } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type FormEvent, useState } from 'react';
import { askApi, errorText } from '../live-connection/api-client.ts';
import { reconnect } from '../live-connection/live-connection.ts';
import { Button } from '../ui/button.tsx';
import { Field, Input } from '../ui/field.tsx';

/** Asks for the operator token. `compact`: in the banner of the dashboard, where the page continues after it. */
export function SignInForm({ compact = false }: { compact?: boolean }) {
  const router = useRouter();
  const [token, setToken] = useState('');
  const signIn = useMutation({
    mutationFn: () => askApi('POST', '/api/session', { token: token.trim() }),
    onSuccess: () => (compact ? reconnect() : router.replace('/')),
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    signIn.mutate();
  }

  return (
    <form onSubmit={submit} className={compact ? 'flex items-end gap-2' : 'flex flex-col gap-4'}>
      <Field
        label="Operator token"
        error={signIn.error && errorText(signIn.error)}
        {...(compact ? { className: 'w-56' } : {})}
      >
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
        disabled={signIn.isPending || token.trim() === ''}
      >
        {signIn.isPending ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}
