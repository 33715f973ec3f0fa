'use client';
import { useCallback, useState } from 'react';
import { errorText } from '../live-connection/api-client.ts';

/** One request at a time from one place of the page, with its error shown there. */
export function useRequest(): {
  busy: boolean;
  problem: string | null;
  run: (request: () => Promise<unknown>) => Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = useCallback(async (request: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await request();
      return true;
    } catch (error) {
      setProblem(errorText(error));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { busy, problem, run };
}
