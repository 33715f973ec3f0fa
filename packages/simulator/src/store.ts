import type { CoordinatorEvent, DeployRequest, Policy } from '@sparewheel/coordinator';
import type { StoredState } from './data-plane.ts';

/** The database of the control plane, as far as a restarted data plane depends on it. */
export class Store implements StoredState {
  readonly deployments = new Map<string, DeployRequest>();
  firstTask = 1;

  deployed(request: DeployRequest, nextTask: number): void {
    this.deployments.set(request.name, request);
    this.firstTask = nextTask;
  }

  undeployed(name: string): void {
    this.deployments.delete(name);
  }

  policyChanged(name: string, policy: Policy): void {
    const stored = this.deployments.get(name);
    if (stored) this.deployments.set(name, { ...stored, policy });
  }

  /** As the control plane does: the seats of the latest event are the deployment's. */
  happened(event: CoordinatorEvent): void {
    if (event.kind !== 'seat-reassigned') return;
    const stored = this.deployments.get(event.deployment);
    if (stored) this.deployments.set(event.deployment, { ...stored, seats: event.seats });
  }
}
