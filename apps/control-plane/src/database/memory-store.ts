import type { KnownDevice } from '@sparewheel/data-plane-client';
import { blobsOf } from '@sparewheel/planner';
import type { EventView } from '@sparewheel/protocol';
import {
  type DeploymentRecord,
  type EventQuery,
  type LatencySummary,
  ModelInUseError,
  type ModelRecord,
  NameTakenError,
  type Store,
  UnknownModelError,
} from './store.ts';

/** A store in memory, for tests. */
export class MemoryStore implements Store {
  readonly #devices = new Map<string, KnownDevice>();
  readonly #models = new Map<string, ModelRecord>();
  readonly #deployments = new Map<string, DeploymentRecord>();
  #events: EventView[] = [];
  #summaries: LatencySummary[] = [];

  async devices(): Promise<readonly KnownDevice[]> {
    return byName(this.#devices.values());
  }

  async saveDevice(device: KnownDevice): Promise<void> {
    this.#devices.set(device.id, device);
  }

  async deleteDevice(id: string): Promise<void> {
    this.#devices.delete(id);
  }

  async models(): Promise<readonly ModelRecord[]> {
    return byName(this.#models.values());
  }

  async model(name: string): Promise<ModelRecord | null> {
    return this.#models.get(name) ?? null;
  }

  async createModel(model: ModelRecord): Promise<void> {
    if (this.#models.has(model.name)) throw new NameTakenError('model', model.name);
    this.#models.set(model.name, model);
  }

  async setModelProfile(name: string, profileSha256: string): Promise<void> {
    const model = this.#models.get(name);
    if (model !== undefined) this.#models.set(name, { ...model, profileSha256 });
  }

  async deleteModel(name: string): Promise<boolean> {
    const users = [...this.#deployments.values()].filter(({ model }) => model === name);
    if (users.length > 0) {
      throw new ModelInUseError(
        name,
        byName(users).map((user) => user.name),
      );
    }
    return this.#models.delete(name);
  }

  async deployments(): Promise<readonly DeploymentRecord[]> {
    return byName(this.#deployments.values());
  }

  async deployment(name: string): Promise<DeploymentRecord | null> {
    return this.#deployments.get(name) ?? null;
  }

  async createDeployment(deployment: DeploymentRecord): Promise<void> {
    if (this.#deployments.has(deployment.name)) throw new NameTakenError('deployment', deployment.name);
    if (!this.#models.has(deployment.model)) throw new UnknownModelError(deployment.model);
    this.#deployments.set(deployment.name, deployment);
  }

  async updateDeployment(name: string, change: Partial<DeploymentRecord>): Promise<void> {
    const deployment = this.#deployments.get(name);
    if (deployment) this.#deployments.set(name, { ...deployment, ...change });
  }

  async deleteDeployment(name: string): Promise<boolean> {
    return this.#deployments.delete(name);
  }

  async blobsInUse(): Promise<ReadonlySet<string>> {
    const blobs = new Set<string>();
    for (const { canonical, profileSha256 } of this.#models.values()) {
      blobs.add(profileSha256);
      for (const { sha256 } of blobsOf(canonical)) blobs.add(sha256);
    }
    for (const { artifacts } of this.#deployments.values()) {
      for (const { sha256 } of Object.values(artifacts ?? {})
        .flat()
        .flatMap(blobsOf))
        blobs.add(sha256);
    }
    return blobs;
  }

  async appendEvents(events: readonly EventView[]): Promise<void> {
    this.#events.push(...events);
  }

  async events(query: EventQuery): Promise<readonly EventView[]> {
    return this.#events
      .filter(
        (event) =>
          (query.before === undefined || event.id < query.before) &&
          (query.device === undefined || event.device === query.device) &&
          (query.deployment === undefined || event.deployment === query.deployment) &&
          (query.level === undefined || event.level === query.level),
      )
      .reverse()
      .slice(0, query.limit);
  }

  async lastEventId(): Promise<number> {
    return this.#events.at(-1)?.id ?? 0;
  }

  async pruneEvents(keep: number): Promise<void> {
    this.#events = keep === 0 ? [] : this.#events.slice(-keep);
  }

  async appendLatencySummaries(summaries: readonly LatencySummary[]): Promise<void> {
    this.#summaries.push(...summaries);
  }

  async latencySummaries(deployment: string, limit: number): Promise<readonly LatencySummary[]> {
    return this.#summaries.filter((summary) => summary.deployment === deployment).slice(-limit);
  }

  async pruneLatencySummaries(keep: number): Promise<void> {
    const seen = new Map<string, number>();
    this.#summaries = this.#summaries
      .reverse()
      .filter(({ deployment }) => {
        const count = (seen.get(deployment) ?? 0) + 1;
        seen.set(deployment, count);
        return count <= keep;
      })
      .reverse();
  }

  async close(): Promise<void> {}
}

function byName<T extends { readonly name: string }>(items: Iterable<T>): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
