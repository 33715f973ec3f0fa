/** What the stage knows after a reload of the page: what to restore, and the key of each device. */
export interface StageMemory {
  /** Ids of the devices killed on the stage. */
  readonly killed: readonly string[];
  /** The deployment whose load was started on the stage. */
  readonly loaded: string | null;
  /** Device ids by key: the first has the key 1. null without a device. */
  readonly keys: readonly (string | null)[];
}

const NOTHING: StageMemory = { killed: [], loaded: null, keys: [] };
const ITEM = 'sparewheel-stage';

/** Returns the memory of this tab; an empty one on the server, and in a browser that stores nothing. */
export function readStage(): StageMemory {
  try {
    return { ...NOTHING, ...JSON.parse(sessionStorage.getItem(ITEM) ?? '{}') };
  } catch {
    return NOTHING;
  }
}

/** Changes some of the memory. */
export function rememberStage(change: Partial<StageMemory>): void {
  try {
    sessionStorage.setItem(ITEM, JSON.stringify({ ...readStage(), ...change }));
  } catch {
    // A browser without storage forgets at a reload.
  }
}
