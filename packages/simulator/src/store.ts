import type { CoordinatorEvent, DeployRequest, Policy } from '@sparewheel/coordinator';
import type { StoredState } from './data-plane.ts';

/** The part of the control plane's database that a restarted data plane needs. */
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

  /** Stores the seats of the latest event, as the control plane does. */
  happened(event: CoordinatorEvent): void {
    if (event.kind !== 'seat-reassigned') return;
    const stored = this.deployments.get(event.deployment);
    if (stored) this.deployments.set(event.deployment, { ...stored, seats: event.seats });
  }
}
