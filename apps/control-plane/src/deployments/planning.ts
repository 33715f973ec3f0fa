import { machineId } from '@sparewheel/engine/machine';
import type { ModelBuilder } from '@sparewheel/model-builder';
import type { Plan, PlanExplanation, Planned } from '@sparewheel/planner';
import type { DeviceView, PlanRequest } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import type { Store } from '../database/store.ts';
import { unknownModel } from '../models/models.ts';
import { capacities, dataPlaneMemory } from './capacities.ts';
import type { DeploymentRecords } from './deployment-records.ts';
import { heldWeights } from './held-weights.ts';

export interface PlanningParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  /** Returns the fleet as last reported. */
  readonly devices: () => readonly DeviceView[];
  readonly records: Pick<DeploymentRecords, 'sorted'>;
}

/** The answer of `POST /api/plans`: a plan, the device of each seat (null for any), and the predicted cost. */
export interface ExplainedPlan extends Plan {
  readonly devices: readonly (string | null)[];
  readonly explanation: PlanExplanation;
}

/** Plans for the current fleet, in the model builder. */
export class Planning {
  readonly #parts: PlanningParts;
  constructor(parts: PlanningParts) {
    this.#parts = parts;
  }

  /**
   * @param deployment  the deployment that is planned again; null for a new one
   * @throws {ApiError} 404 unknown model; 400 unknown device, or why there is no such plan
   */
  async plan(request: PlanRequest, deployment: string | null): Promise<Planned> {
    const { store, modelBuilder, records } = this.#parts;
    const model = await store.model(request.model);
    if (model === null) throw unknownModel(request.model);
    const { k, r, strategy, layers, splits, objective } = request;
    const held = heldWeights(this.#parts.devices(), records.sorted(), deployment);
    const devices = capacities(this.#candidates(request.devices), await machineId(), held);
    return modelBuilder.run({
      kind: 'plan',
      profileSha256: model.profileSha256,
      choice: { k, r, strategy, layers, splits, objective, dataPlaneMemoryBytes: dataPlaneMemory(), devices },
    });
  }

  /** @throws {ApiError} as `plan` */
  async explained(request: PlanRequest): Promise<ExplainedPlan> {
    const { plan, seats, explanation } = await this.plan(request, null);
    return { ...plan, devices: seats, explanation };
  }

  /** Returns the named devices, or all that are ready. */
  #candidates(named: readonly string[] | undefined): readonly DeviceView[] {
    const fleet = this.#parts.devices();
    if (named === undefined) return fleet.filter(({ state }) => state === 'ready');
    if (new Set(named).size !== named.length) {
      throw new ApiError(
        400,
        'invalid-request',
        'The field "devices" names a device twice.',
        'Name each device once. Two shards on one device would be lost together.',
      );
    }
    return named.map((id) => {
      const device = fleet.find((candidate) => candidate.id === id);
      if (device !== undefined) return device;
      throw new ApiError(
        400,
        'unknown-device',
        `The field "devices" names "${id}", which is not in the fleet.`,
        'GET /api/devices lists the ids of the devices.',
      );
    });
  }
}
