import { type InputPieces, inputPieces, integerGenerator, lostBits } from '@sparewheel/cdc';
import { computedRows, type InputSplitLayer, isTileable } from '@sparewheel/onnx';
import { COPY_BYTES_PER_MS, DEFAULT_COSTS, readWeightsMs, tensorBytes } from '../costs/costs.ts';
import { deviceWork } from '../costs/predict.ts';
import { type SeatWork, stepTime } from '../costs/timeline.ts';
import type { Split } from '../plan.ts';
import { inputSplitOf, type LayerProfile, type ModelProfile } from '../profile.ts';
import { partition, unevenPartition } from '../seats/uneven-partition.ts';
import { whyNotSent } from '../steps/message-size.ts';
import type { SelectionOptions } from './selection-options.ts';

/** Dividing the input needs more memory, so it must be faster by this factor. */
const WORTH_MORE_MEMORY = 1.02;

const WHAT = { weights: 'the weights are divided', inputs: 'the input is divided' } as const;

/** How one layer is divided, with the reason as a phrase to display. */
export interface SplitDecision {
  readonly split: Split;
  readonly reason: string;
}

/** Returns the output rows of a layer that a split divides; 0 if it cannot divide the layer. */
export function rowsOf(layer: LayerProfile, split: Split): number {
  return split === 'weights' ? (layer.coding?.rows ?? 0) : (inputSplitOf(layer)?.outputRows ?? 0);
}

/** Returns the most output rows of a layer that an allowed split divides; 0 if none can divide the layer. */
export function mostRows(layer: LayerProfile, options: SelectionOptions): number {
  if (options.splits === 'tiles') return tileRows(layer);
  return Math.max(...allowedSplits(options).map((split) => rowsOf(layer, split)));
}

/** Returns why a split cannot divide a layer over k data and r parity shards; null if it can. */
export function whyNot(
  profile: ModelProfile,
  layer: LayerProfile,
  split: Split,
  { k, r = 1 }: { readonly k: number; readonly r?: number },
): string | null {
  return split === 'weights' ? whyNotWeights(profile, layer, k, r) : whyNotInputs(profile, layer, k);
}

function whyNotWeights(profile: ModelProfile, layer: LayerProfile, k: number, r: number): string | null {
  const { coding, notCodable } = layer;
  if (!coding) return notCodable ?? 'it is not a linear layer with constant weights';
  if (coding.rows < k) return tooNarrow(layer, k);
  if (coding.integers && r > 1) {
    const problem = tooLarge(coding.integers.largest, k, r);
    if (problem !== null) return problem;
  }
  if (endsGrouped(profile, layer)) return ENDS_GROUPED;
  const { rows, feed, fetch } = coding;
  const answer = tensorBytes(profile, fetch) * (partition(layer, k).height / rows);
  return whyNotSent('input', tensorBytes(profile, feed)) ?? whyNotSent('answer', answer);
}

/** More parity shards of integer layers are not worth the search for the bits that recovery loses. */
const MOST_INTEGER_PARITY = 3;

/** Returns why int32 answers do not determine outputs of this magnitude; null if they do. */
function tooLarge(largest: number, k: number, r: number): string | null {
  if (r > MOST_INTEGER_PARITY) {
    return `its weights are integers, which are coded with at most ${MOST_INTEGER_PARITY} parity shards`;
  }
  const bits = 31 - lostBits(integerGenerator(k, r));
  return largest < 2 ** bits
    ? null
    : `its integer outputs may need more than the ${bits} bits that are recovered exactly with k = ${k}, r = ${r}; r = 1 recovers them`;
}

function whyNotInputs(profile: ModelProfile, layer: LayerProfile, k: number): string | null {
  const found = inputSplitOf(layer);
  if (!found) {
    if (layer.inputSplit === undefined) {
      return 'the model was analyzed by an older version; upload it again to divide its inputs';
    }
    return layer.inputSplit && 'reason' in layer.inputSplit
      ? layer.inputSplit.reason
      : 'it is not a linear layer with constant weights';
  }
  if (found.outputRows < k) {
    return `layer "${layer.name}" has ${rows(found.outputRows)} along its input, fewer than the ${k} data shards`;
  }
  const pieces = inputPieces(found, k);
  const { halo, band } = pieces;
  if (halo > band && k > 1) return `its halo of ${rows(halo)} is larger than the ${rows(band)} of a piece`;
  const answer = tensorBytes(profile, found.fetch) * (pieces.partition.height / found.outputRows);
  return whyNotSent('input', pieceBytes(profile, found, pieces)) ?? whyNotSent('answer', answer);
}

function rows(count: number): string {
  return `${count} ${count === 1 ? 'row' : 'rows'}`;
}

function tooNarrow(layer: LayerProfile, k: number): string {
  const { rows, groups } = layer.coding!;
  const count = groups > 1 ? `${rows} output rows in each of its ${groups} groups` : `${rows} output rows`;
  return `layer "${layer.name}" has ${count}, fewer than the ${k} data shards`;
}

const ENDS_GROUPED =
  'it is a grouped convolution whose result is an output of the model; no later step can unfold the groups from the batch axis';

function endsGrouped(profile: ModelProfile, { coding }: LayerProfile): boolean {
  return coding !== null && coding.groups > 1 && profile.outputs.some(({ name }) => name === coding.fetch);
}

/** Returns the splits that the options allow and that can divide the layer. */
export function possibleSplits(
  profile: ModelProfile,
  layer: LayerProfile,
  options: SelectionOptions,
): Split[] {
  return allowedSplits(options)
    .filter((split) => !(split === 'inputs' && options.weightsOnly?.has(layer.node)))
    .filter((split) => whyNot(profile, layer, split, options) === null);
}

function tileRows({ tile, outputDims }: LayerProfile): number {
  return isTileable(tile) ? (outputDims?.[tile.axis] ?? 0) : 0;
}

function whyNotTiled(layer: LayerProfile, k: number): string | null {
  const { name, tile } = layer;
  if (tile === undefined) return 'the model was analyzed by an older version; upload it again to use tiles';
  if (!isTileable(tile)) return tile.reason;
  const count = tileRows(layer);
  return count < k ? `layer "${name}" has ${rows(count)} along its height, fewer than the ${k} tiles` : null;
}

/** Returns why no allowed split can divide a layer; null if one can. */
export function whyNotDivided(
  profile: ModelProfile,
  layer: LayerProfile,
  options: SelectionOptions,
): string | null {
  if (options.splits === 'tiles') return whyNotTiled(layer, options.k);
  const reasons = allowedSplits(options).map((split) => whyNot(profile, layer, split, options));
  return reasons.includes(null) ? null : reasons[0]!;
}

/** The paper divides weights only, so its strategy does the same unless it is told otherwise. */
export function allowedSplits({ splits = 'auto', strategy }: SelectionOptions): readonly Split[] {
  if (splits === 'tiles') return [];
  // What is in no run of slices is divided as with "auto".
  if (splits !== 'auto' && splits !== 'slices') return [splits];
  return strategy === 'paper' ? ['weights'] : ['weights', 'inputs'];
}

/** The predicted cost of one layer, divided in one way and running alone. */
export interface SplitCost {
  readonly split: Split;
  readonly ms: number;
  /** To and from all devices. */
  readonly bytes: number;
  /** Weights on each device. */
  readonly weightsBytes: number;
}

/** Predicts one layer, divided in one way. */
export function splitCost(
  profile: ModelProfile,
  layer: LayerProfile,
  split: Split,
  options: SelectionOptions,
): SplitCost {
  const costs = options.costs ?? DEFAULT_COSTS;
  const { k, r, seated } = options;
  const part = split === 'weights' ? weightsPart(profile, layer, options) : inputsPart(profile, layer, k, r);
  const work = Array.from({ length: k + r }, (_, seat): SeatWork => {
    const device = seated?.[seat];
    const plain = deviceWork(profile, seat, device, [layer], part.share(seat), part.bytes, costs);
    if (split === 'weights') return plain;
    return { ...plain, computeMs: Math.max(plain.computeMs, readWeightsMs(layer, device?.speed, costs)) };
  });
  return {
    split,
    ms: part.dataPlaneBytes / COPY_BYTES_PER_MS + stepTime(work, k, costs).ms,
    bytes: (k + r) * part.bytes,
    weightsBytes: part.weightsBytes,
  };
}

function weightsPart(profile: ModelProfile, layer: LayerProfile, options: SelectionOptions) {
  const { k, seated = [], uneven = false } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const blocks = (uneven && unevenPartition(profile, layer, k, seated, costs)) || partition(layer, k);
  const { rows, feed, fetch, bytesPerRow } = layer.coding!;
  const bytesIn = tensorBytes(profile, feed);
  return {
    share: (seat: number) => computedRows(blocks, seat) / rows,
    bytes: bytesIn + (blocks.height / rows) * tensorBytes(profile, fetch),
    weightsBytes: blocks.height * bytesPerRow,
    dataPlaneBytes: bytesIn,
  };
}

/** The data plane copies k pieces, and reads all of them once for each parity piece. */
function inputsPart(profile: ModelProfile, layer: LayerProfile, k: number, r: number) {
  const found = inputSplitOf(layer)!;
  const pieces = inputPieces(found, k);
  const share = pieces.partition.height / found.outputRows;
  const bytesIn = pieceBytes(profile, found, pieces);
  return {
    share: (_seat: number) => share,
    bytes: bytesIn + share * tensorBytes(profile, found.fetch),
    weightsBytes: layer.weightsBytes,
    dataPlaneBytes: k * bytesIn * (1 + r),
  };
}

function pieceBytes(
  profile: ModelProfile,
  { feed, inputRows }: InputSplitLayer,
  pieces: InputPieces,
): number {
  return (tensorBytes(profile, feed) * pieces.rows) / inputRows;
}

/**
 * Chooses how to divide a layer: the only possible way, or the one that is predicted to be faster.
 * @returns null if no split is possible
 */
export function chooseSplit(
  profile: ModelProfile,
  layer: LayerProfile,
  options: SelectionOptions,
): SplitDecision | null {
  const possible = possibleSplits(profile, layer, options);
  const [first] = possible;
  if (first === undefined) return null;
  if (possible.length === 1) {
    return { split: first, reason: whyOnly(profile, layer, first, options) };
  }
  const [weights, inputs] = possible.map((split) => splitCost(profile, layer, split, options)) as [
    SplitCost,
    SplitCost,
  ];
  const split = inputs.ms * WORTH_MORE_MEMORY < weights.ms ? 'inputs' : 'weights';
  const figures = ({ ms, bytes, weightsBytes }: SplitCost) =>
    `${ms.toFixed(2)} ms (${(bytes / 1e6).toFixed(2)} MB sent and received, ${(weightsBytes / 1e6).toFixed(2)} MB of weights per device)`;
  return {
    split,
    reason: `${WHAT[split]}: predicted ${figures(inputs)} with divided inputs, ${figures(weights)} with divided weights`,
  };
}

function whyOnly(
  profile: ModelProfile,
  layer: LayerProfile,
  split: Split,
  options: SelectionOptions,
): string {
  const what = WHAT[split];
  const other: Split = split === 'inputs' ? 'weights' : 'inputs';
  if (!allowedSplits(options).includes(other)) {
    return `${what}: ${options.splits === split ? `the option "splits" is "${split}"` : 'the strategy "paper" divides weights'}`;
  }
  if (other === 'inputs' && options.weightsOnly?.has(layer.node)) {
    return `${what}: all its weights do not fit on every device`;
  }
  return `${what}: ${other} cannot be divided because ${whyNot(profile, layer, other, options)}`;
}
