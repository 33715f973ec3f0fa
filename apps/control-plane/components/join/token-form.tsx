'use client';
import { type FormEvent, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Field, Input } from '../ui/field.tsx';

/** Asks for the join token if the address has none or a wrong one. */
export function TokenForm({
  problem,
  onToken,
}: {
  problem: string | null;
  onToken: (token: string) => void;
}) {
  const [token, setToken] = useState('');

  function submit(event: FormEvent) {
    event.preventDefault();
    onToken(token.trim());
  }

  return (
    <form onSubmit={submit} className="mt-6 flex flex-col gap-4">
      <Field label="Join token" error={problem}>
        {(ids) => (
          <Input
            {...ids}
            name="join-token"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            required
            value={token}
            onChange={(event) => setToken(event.target.value)}
            className="h-10 text-sm"
          />
        )}
      </Field>
      <Button type="submit" variant="primary" size="large" className="h-10" disabled={token.trim() === ''}>
        Join
      </Button>
    </form>
  );
}
