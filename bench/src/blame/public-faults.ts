import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ElementType, type Tensor, viewTensorData } from '@sparewheel/protocol';

const DIRECTORY = fileURLToPath(new URL('../../../../shared/data/public-faults/', import.meta.url));

/** A small graph for one fault that was found with public models, with an input and its right answer. */
export interface PublicFault {
  readonly name: string;
  readonly modelPath: string;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly expected: Readonly<Record<string, Tensor>>;
  readonly strategy: 'coded' | 'replicated';
  readonly k: number;
  /** The largest error, relative to the largest value: the product's limit, or what 8-bit kernels reach. */
  readonly tolerance: number;
  /** The outputs are random: only their shapes are compared. */
  readonly random: boolean;
}

interface TensorJson {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly b64: string;
}

interface CaseJson {
  readonly inputs: readonly TensorJson[];
  readonly expected: readonly TensorJson[];
  readonly deploy?: { readonly strategy: 'coded' | 'replicated'; readonly k: number };
  readonly random?: boolean;
}

/** Names of the graphs beside the repository; none if the folder is absent. */
export function publicFaultNames(): string[] {
  if (!existsSync(DIRECTORY)) {
    console.log(`no graphs in ${DIRECTORY}; their tests are skipped`);
    return [];
  }
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

export function loadPublicFault(name: string): PublicFault {
  const { inputs, expected, deploy, random } = JSON.parse(
    readFileSync(join(DIRECTORY, `${name}.json`), 'utf8'),
  ) as CaseJson;
  return {
    name,
    modelPath: join(DIRECTORY, `${name}.onnx`),
    feeds: tensors(inputs),
    expected: tensors(expected),
    strategy: deploy?.strategy ?? 'coded',
    k: deploy?.k ?? 3,
    random: random ?? false,
    tolerance: name.startsWith('int4') ? 2 ** -5 : 1e-4,
  };
}

function tensors(list: readonly TensorJson[]): Record<string, Tensor> {
  return Object.fromEntries(
    list.map(({ name, type, dims, b64 }) => {
      const data = viewTensorData(type, Uint8Array.from(Buffer.from(b64, 'base64')));
      return [name, { type, dims, data } as Tensor];
    }),
  );
}
