import { type Generator, generatorMatrix, integerGenerator } from '@sparewheel/cdc';
import type { CodedStep } from '../plan.ts';

/** Returns the generator of a coded step: integers for integer layers, otherwise the searched rows. */
export function generatorOf({
  dataShards,
  parityShards,
  answers,
}: Pick<CodedStep, 'dataShards' | 'parityShards' | 'answers'>): Generator {
  return answers === 'int32'
    ? integerGenerator(dataShards, parityShards)
    : generatorMatrix(dataShards, parityShards);
}
