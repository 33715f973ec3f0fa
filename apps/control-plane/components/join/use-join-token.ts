'use client';
import { useState } from 'react';
import { useRequest } from '../control/use-request.ts';
import { askApi } from '../live-connection/api-client.ts';

/** The join token, which the page does not have until somebody asks to see it. */
export function useJoinToken() {
  const [token, setToken] = useState<string | null>(null);
  const { busy, problem, run } = useRequest();
  return {
    token,
    busy,
    problem,
    show: () => void run(async () => setToken((await askApi<{ token: string }>('GET', '/api/join')).token)),
    hide: () => setToken(null),
  };
}

export type JoinToken = ReturnType<typeof useJoinToken>;
