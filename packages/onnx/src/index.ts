export * from './cut.ts';
export * from './errors.ts';
export { castConstants, halfToFloat32, isHalf } from './half.ts';
export * from './input-split.ts';
export * from './integer-layer.ts';
export { byteData, IntegerConstants, parityPlanes } from './integer-shard.ts';
export { largestOutput } from './largest-output.ts';
export * from './linear.ts';
export * from './model.ts';
export { readModel } from './reader.ts';
export { type SeparatedModel, separateRecurrent } from './recurrent.ts';
export { reshapeInputs } from './reshape.ts';
export * from './shard.ts';
export * from './skim.ts';
export {
  type AnalyzedRun,
  analyzeSlice,
  isSliceable,
  type NotSliceable,
  type SliceableRun,
  sliceableRuns,
} from './slice.ts';
export { sliceModel } from './slice-model.ts';
export * from './speed.ts';
export * from './tensor-data.ts';
export * from './tile.ts';
export * from './topology.ts';
export * from './validate.ts';
export { joinChunks, writeModel } from './writer.ts';
