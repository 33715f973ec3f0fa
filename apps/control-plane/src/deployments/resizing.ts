import { rescueRule } from '@sparewheel/coordinator';
import type { DeploymentRuntime } from '@sparewheel/data-plane-client';
import type { ModelBuilder } from '@sparewheel/model-builder';
import type { Planned } from '@sparewheel/planner';
import type { DeviceView, PlanRequest } from '@sparewheel/protocol';
import type { DeploymentRecord, Store } from '../database/store.ts';
import type { EventLog } from '../events/event-log.ts';
import { log } from '../log.ts';
import type { DeploymentRecords } from './deployment-records.ts';
import { Elasticity } from './elasticity.ts';
import { type Handover, isAbsence } from './handover.ts';
import type { Planning } from './planning.ts';

export interface ResizingParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  readonly events: EventLog;
  readonly devices: () => readonly DeviceView[];
  readonly planning: Planning;
  readonly records: DeploymentRecords;
  readonly handover: Handover;
  readonly changed: () => void;
}

/** Changes deployments to a new plan when their fleet has become smaller or larger. */
export class Resizing {
  readonly #parts: ResizingParts;
  readonly #elasticity = new Elasticity();

  constructor(parts: ResizingParts) {
    this.#parts = parts;
  }

  forget(name: string): void {
    this.#elasticity.forget(name);
  }

  /** Takes the data plane's report of a deployment, and changes the plan if that is due. */
  review({ name, state }: DeploymentRuntime, nowMs: number): void {
    const record = this.#parts.records.find(name);
    if (record?.status !== 'live' || record.choice.strategy !== 'coded') return;
    // A plan that divides nothing does not depend on the number of devices.
    if (state === 'distributing' || record.plan.runsWhole) return;
    if (state === 'unavailable' && rescueRule(record.policy, record.plan) === 'data-plane') return;
    const devices = this.#parts.devices().filter((device) => device.state === 'ready').length;
    const { k: wantedK, r } = record.choice;
    const size = { name, wantedK, planK: record.plan.k, r, whole: state === 'ready', devices };
    const k = this.#elasticity.observe(size, nowMs);
    if (k === null) return;
    this.#resize(record, k).then(
      (changed) => changed && this.#elasticity.changed(name),
      (error: Error) => {
        if (!isAbsence(error)) log.error({ err: error }, `cannot resize ${name} to ${k} data devices`);
      },
    );
  }

  /** @returns false if there is nothing to change (any more) */
  async #resize({ name, choice, model: modelName, plan: before, policy }: DeploymentRecord, k: number) {
    const { store, modelBuilder, planning } = this.#parts;
    const { r, strategy } = choice;
    const layers = typeof choice.layers === 'string' ? choice.layers : [...choice.layers];
    const objective = before.objective ?? 'latency';
    const splits = before.splits ?? 'auto';
    const request: PlanRequest = { model: modelName, k, r, strategy, layers, splits, objective, policy };
    const planned = await planning.plan(request, name);
    const model = await store.model(modelName);
    if (model === null || planned.plan.k === before.k) return false;
    const artifacts = await modelBuilder.exclusive(() =>
      modelBuilder.run({ kind: 'build', plan: planned.plan, canonical: model.canonical }),
    );
    return this.#change(name, before, planned, artifacts);
  }

  /** Changes to the new plan. The current plan serves until every seat of the new one can compute. */
  #change(
    name: string,
    before: DeploymentRecord['plan'],
    { plan, seats }: Planned,
    artifacts: NonNullable<DeploymentRecord['artifacts']>,
  ): Promise<boolean> {
    const { store, records, handover, events, changed } = this.#parts;
    return records.exclusive(name, async () => {
      const record = records.find(name);
      if (record?.status !== 'live' || record.plan !== before || !handover.has(name)) return false;
      const change = { plan, artifacts, seats: plan.seats.map((_, seat) => seats[seat] ?? null) };
      // Must run first: seat changes after this point belong to the new plan.
      records.put({ ...record, ...change });
      try {
        await handover.change(name, { ...change, choice: record.choice }, record.policy);
      } catch (error) {
        records.put(record);
        throw error;
      }
      await store.updateDeployment(name, { ...change, seats: records.get(name).seats });
      const { k: wantedK, r } = record.choice;
      events.add({
        kind: 'deployment-resized',
        level: 'warning',
        message: `${name} changes from ${before.k} + ${r} to ${plan.k} + ${r} devices (requested: ${wantedK} + ${r}).`,
        device: null,
        deployment: name,
      });
      changed();
      return true;
    });
  }
}
