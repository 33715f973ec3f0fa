import { attribute, DATA_TYPE, type Model, type Node, readModel } from '@sparewheel/onnx';
import { VOICE_INPUT_SAMPLES, VOICE_STATE_DIMS } from '../voice/index.ts';
import { readInstalled } from './installed-file.ts';

/**
 * Returns Silero's voice activity detector for 16 kHz. The published file has one network for 16 kHz and one for
 * 8 kHz in the branches of an If, with their weights. Layers inside an If cannot be divided, so the 16 kHz
 * branch becomes the graph, and the input `sr` (sample rate) is removed.
 */
export async function voiceActivityModel(): Promise<Model> {
  const model = readModel(
    await readInstalled({ anchor: '@ricky0123/vad-web/package.json', path: 'dist/silero_vad_v6.onnx' }),
  );
  const { graph } = model;
  const choice = graph.nodes.find(({ opType }) => opType === 'If');
  const branch = choice && attribute(choice, 'then_branch');
  if (choice === undefined || branch?.kind !== 'graph')
    throw new Error('the voice detector has no branch for 16 kHz');
  const body = branch.value;
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [
        ...body.nodes,
        ...choice.outputs.map((output, index) => identity(body.outputs[index]?.name ?? '', output)),
        ...graph.nodes.filter(({ opType }) => opType === 'Identity'),
      ],
      initializers: [...graph.initializers, ...body.initializers],
      inputs: [
        {
          name: 'input',
          type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: [1, VOICE_INPUT_SAMPLES] },
        },
        { name: 'state', type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: VOICE_STATE_DIMS } },
      ],
    },
  };
}

function identity(input: string, output: string): Node {
  return {
    name: `${output}/result`,
    opType: 'Identity',
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: [],
  };
}
