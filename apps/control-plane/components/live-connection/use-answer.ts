'use client';
import type { ApiError } from '@sparewheel/protocol';
import { useCallback, useEffect, useState } from 'react';
import { askApi, toApiError } from './api-client.ts';

/**
 * What the admin API answers to a GET, asked again when the path changes, on demand, and every so often.
 * An answer stays while the next one is on its way or fails, so that nothing flickers.
 * @param path     null asks nothing
 * @param everyMs  null asks once
 */
export function useAnswer<Answer>(
  path: string | null,
  everyMs: number | null = null,
): { answer: Answer | null; problem: ApiError | null; reload: () => void } {
  const [answered, setAnswered] = useState<{ path: string; answer: Answer } | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((old) => old + 1), []);

  useEffect(() => {
    setProblem(null);
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const answer = await askApi<Answer>('GET', path, undefined, abort.signal);
        if (abort.signal.aborted) return;
        setAnswered({ path, answer });
        setProblem(null);
      } catch (error) {
        if (abort.signal.aborted) return;
        setProblem(toApiError(error));
      }
      // The next one waits for this one: a slow server is not asked twice at a time.
      if (everyMs !== null) timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, turn]);

  return { answer: answered !== null && answered.path === path ? answered.answer : null, problem, reload };
}
