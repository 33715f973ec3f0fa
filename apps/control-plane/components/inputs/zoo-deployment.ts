import type { DeploymentRequest, DeploymentView } from '@sparewheel/protocol';
import { freeName } from '../deploy/deploy-form-view.ts';

/** More data devices gain little for models of this size. */
const MOST_DATA_DEVICES = 4;

/** Returns the deployment that shows a network of the zoo; undefined if there is none that can answer. */
export function deploymentOf(
  deployments: readonly DeploymentView[],
  network: string,
): DeploymentView | undefined {
  return deployments.find(({ model, state }) => model === network && state !== 'failed');
}

/**
 * Returns the request that deploys a network of the zoo with one click: like the demo, on devices only, every
 * linear layer divided, and one parity device.
 * @param readyDevices  devices that can take a seat
 * @param taken         names of deployments
 */
export function zooDeployment(
  network: string,
  readyDevices: number,
  taken: readonly string[],
): Partial<DeploymentRequest> & { readonly name: string } {
  const k = Math.max(1, Math.min(MOST_DATA_DEVICES, readyDevices - 1));
  return {
    name: freeName(network, taken),
    model: network,
    k,
    r: 1,
    layers: 'all',
    objective: 'devices-only',
  };
}
