import type { DeploymentRequest } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { useRef } from 'react';
import { askApi } from '../live-connection/api-client.ts';

/** A repeated press within this time is part of a double click. */
const DOUBLE_CLICK_MS = 1_000;

/** Sends deployments, one at a time. The second click of a double click sends nothing. */
export function useDeploy(onDeployed: (name: string) => void): {
  deploy: (request: Partial<DeploymentRequest> & { readonly name: string }) => void;
  error: Error | null;
  pending: boolean;
} {
  // The state of the mutation is too late: the second click may come before the next render.
  const blocked = useRef(false);
  const mutation = useMutation({
    mutationFn: (request: Partial<DeploymentRequest> & { readonly name: string }) =>
      askApi('POST', '/api/deployments', request),
    onSuccess: (_, { name }) => {
      setTimeout(() => {
        blocked.current = false;
      }, DOUBLE_CLICK_MS);
      onDeployed(name);
    },
    onError: () => {
      blocked.current = false;
    },
  });
  return {
    deploy: (request) => {
      if (blocked.current) return;
      blocked.current = true;
      mutation.mutate(request);
    },
    error: mutation.error,
    pending: mutation.isPending,
  };
}
