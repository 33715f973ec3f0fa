export {
  type ArrivalDistribution,
  delayed,
  empirical,
  empiricalFromCsv,
  exponential,
  logNormal,
  shiftedExponential,
} from './arrival-distribution.ts';
export {
  type Conditioning,
  conditioning,
  FLOAT32_ROUNDING,
  recoveryTolerance,
  requireMds,
} from './conditioning.ts';
export {
  type Answers,
  answersFromPairs,
  createDecoder,
  type Decoder,
  planRecovery,
  type Recovery,
} from './decode.ts';
export { type EncodeOptions, encodeBias, encodeViews, encodeWeights, type WeightLayout } from './encode.ts';
export * from './errors.ts';
export {
  type Generator,
  generatorFromRows,
  generatorMatrix,
  totalShards,
  vandermondeGenerator,
} from './generator.ts';
export { bytePlanes, planeCount } from './integers/byte-planes.ts';
export {
  createIntegerDecoder,
  type IntegerAnswers,
  type IntegerDecoder,
} from './integers/decode-integers.ts';
export { integerGenerator, lostBits } from './integers/integer-generator.ts';
export { encodeIntegers, verifyIntegers } from './integers/verify-integers.ts';
export { largestMagnitude } from './linear-combination.ts';
export { type Completion, codedCompletion, kthArrival, type WaitingThreshold } from './order-statistics.ts';
export {
  type FailureCoverage,
  failureCoverage,
  overlappingPartialSums,
  partialSums,
} from './partial-sums.ts';
export {
  type Block,
  type Partition,
  type PartitionOptions,
  partitionHeights,
  partitionRows,
} from './partition.ts';
export {
  encodePiece,
  gatherRows,
  type InputPieces,
  type InputWindow,
  inputPieces,
  parityBiasFactor,
  type RowShape,
} from './splits/coded-input.ts';
export { type GroupedCodingCost, groupedCodingCost, withinGroupOrder } from './splits/grouped-coding.ts';
export { computeLayer, im2col } from './splits/im2col.ts';
export {
  type Convolution,
  type Cost,
  convolution,
  costOf,
  type FullyConnected,
  fullyConnected,
  type LinearLayer,
  outputSize,
  shapesOf,
} from './splits/layer.ts';
export type { Share } from './splits/shares.ts';
export {
  mergeOutputs,
  runSplit,
  type Split,
  type SplitMethod,
  type Suitability,
  splitLayer,
  suitability,
} from './splits/split.ts';
export { chooseHeights, type UnevenDevice, type UnevenPlan } from './uneven-heights.ts';
export { DEFAULT_ANSWER_TOLERANCE, type Verification, verify } from './verify.ts';
