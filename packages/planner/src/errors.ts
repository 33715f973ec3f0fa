export type PlanRefusal =
  | 'BAD_COUNTS'
  | 'INEXACT_RECOVERY'
  | 'TOO_FEW_DEVICES'
  | 'TOO_LITTLE_MEMORY'
  | 'UNKNOWN_LAYER'
  | 'LAYER_NOT_CODABLE'
  | 'MORE_SHARDS_THAN_ROWS'
  | 'NOT_TILEABLE'
  | 'NOT_SLICEABLE'
  | 'TOO_FEW_STAGES'
  | 'LAYER_NOT_PLACEABLE'
  | 'MORE_THREADS_THAN_CORES'
  | 'MESSAGE_TOO_LARGE';

/** No plan with the requested options exists. The message gives the reason, the hint a remedy. */
export class PlanRefusedError extends Error {
  override name = 'PlanRefusedError';
  constructor(
    readonly code: PlanRefusal,
    message: string,
    readonly hint?: string,
    /** The layer that causes the refusal, if it is one layer. */
    readonly layer?: string,
  ) {
    super(message);
  }
}

/** The plan was made for a different model. */
export class PlanMismatchError extends Error {
  override name = 'PlanMismatchError';
  constructor(
    readonly step: string,
    problem: string,
  ) {
    super(`step ${step} of the plan does not fit the model: ${problem}; create a new plan from this model`);
  }
}
