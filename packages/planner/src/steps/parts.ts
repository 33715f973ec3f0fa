import type { Step } from '../plan.ts';

/** A step that computes one part of a result. The other parts are steps of their own, and a local step merges them. */
export interface Part {
  /** The merged result. No two groups of parts have the same. */
  readonly fetch: string;
  /** Number of parts. */
  readonly parts: number;
}

/** Returns the part that a step computes: a tile or a slice. Null for all other steps. */
export function partOf(step: Step): Part | null {
  if (step.kind !== 'replicated') return null;
  if (step.tile) return { fetch: step.tile.fetch, parts: step.tile.tiles };
  if (step.slice) return { fetch: step.slice.fetch, parts: step.slice.slices };
  return null;
}

/** Returns whether a seat computes only if another one fails: a backup of a part. */
export function isBackup(step: Step, position: number): boolean {
  return position > 0 && partOf(step) !== null;
}

/** Returns whether a step merges parts: it joins tiles or adds slices. Such a step needs no engine and no file. */
export function mergesParts(step: Step): boolean {
  return step.kind === 'local' && (step.joins !== undefined || step.adds === true);
}
