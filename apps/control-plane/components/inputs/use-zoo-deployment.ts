'use client';
import { useMutation } from '@tanstack/react-query';
import { readyDevices } from '../deploy/deploy-form-view.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { toastError } from '../shell/errors.tsx';
import { deploymentOf, zooDeployment } from './zoo-deployment.ts';

/** Adds a network of the zoo and deploys it with one click. A network that is deployed already is only shown. */
export function useZooDeployment(onSelect: (deployment: string) => void): {
  show: (network: string) => void;
  /** The network that is being added. */
  pending: string | null;
} {
  const deployments = useLive('deployments');
  const devices = useLive('devices');
  const { mutate, isPending, variables } = useMutation({
    mutationFn: async (network: string) => {
      const existing = deploymentOf(deployments, network);
      if (existing !== undefined) return existing.name;
      await askApi('POST', `/api/zoo/${encodeURIComponent(network)}`);
      const taken = deployments.map(({ name }) => name);
      const request = zooDeployment(network, readyDevices(devices), taken);
      await askApi('POST', '/api/deployments', request);
      return request.name;
    },
    onSuccess: onSelect,
    onError: (error) => toastError(error),
  });
  return {
    show: (network) => {
      if (!isPending) mutate(network);
    },
    pending: isPending ? (variables ?? null) : null,
  };
}
