export type PlanRefusal =
  | 'BAD_COUNTS'
  | 'TOO_FEW_DEVICES'
  | 'TOO_LITTLE_MEMORY'
  | 'NO_LINEAR_LAYER'
  | 'UNKNOWN_LAYER'
  | 'LAYER_NOT_CODABLE'
  | 'MORE_SHARDS_THAN_ROWS'
  | 'TOO_FEW_STAGES';

/** No plan of the wanted kind exists; the message says why, the hint what would. */
export class PlanRefusedError extends Error {
  override name = 'PlanRefusedError';
  constructor(
    readonly code: PlanRefusal,
    message: string,
    readonly hint?: string,
    /** The layer that stands in the way, where it is one. */
    readonly layer?: string,
  ) {
    super(message);
  }
}

/** A plan that was made for another model than the one at hand. */
export class PlanMismatchError extends Error {
  override name = 'PlanMismatchError';
  constructor(
    readonly step: string,
    problem: string,
  ) {
    super(`step ${step} of the plan does not fit the model: ${problem}; make the plan again from this model`);
  }
}
