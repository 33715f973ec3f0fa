export {
  type CanonicalFile,
  type CanonicalModel,
  type CanonicalOptions,
  canonicalize,
  openCanonical,
} from './canonical.ts';
export { writeHashed } from './files.ts';
export type { FreeShapes } from './free-dimensions.ts';
export type { DimensionValues } from './graph-rewrites.ts';
export { type CanonicalChild, type ChildOptions, canonicalizeInChild } from './isolated.ts';
export type { TrialSpeed } from './trial-run.ts';
