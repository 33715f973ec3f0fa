import type { DeploymentView, TensorSpec } from '@sparewheel/protocol';
import { digitInput } from './digit/digit-view.ts';
import { imageInput } from './image-input.ts';

/** What a model takes, and how the panel beside the fleet shows it. */
export type InputKind = 'digit' | 'line' | 'faces' | 'voice' | 'classes' | 'tensors';

/** The published shapes of the zoo's models. A shape tells more than a name: a model may have any name. */
const LINE_INPUT = [1, 3, 48, 480];
const FACE_INPUT = [1, 128, 128, 3];
const FACE_OUTPUTS = [
  [1, 512, 1],
  [1, 384, 1],
  [1, 512, 16],
  [1, 384, 16],
];
const VOICE_INPUTS = [
  [1, 576],
  [2, 1, 128],
];

/** Returns the panel for a deployment, from the names and shapes of its inputs and outputs. */
export function inputKind(deployment: Pick<DeploymentView, 'inputs' | 'outputs'>): InputKind {
  const { inputs, outputs } = deployment;
  if (takes(inputs, [LINE_INPUT]) && has(outputs, 'characters') && has(outputs, 'confidence')) return 'line';
  if (takes(inputs, [FACE_INPUT]) && `${outputs.map(({ dims }) => dims)}` === `${FACE_OUTPUTS}`)
    return 'faces';
  if (takes(inputs, VOICE_INPUTS) && has(outputs, 'output') && has(outputs, 'stateN')) return 'voice';
  const [scores] = outputs;
  const classes = scores?.type === 'float32' && scores.dims.length === 2 ? (scores.dims[1] ?? 0) : 0;
  if (digitInput(deployment) !== null && classes === 10) return 'digit';
  if (imageInput(inputs) !== null && classes > 1) return 'classes';
  return 'tensors';
}

export const INPUT_TITLES: Readonly<Record<InputKind, string>> = {
  digit: 'Draw a digit',
  line: 'Read a line',
  faces: 'Find faces',
  voice: 'Hear a voice',
  classes: 'Classify a picture',
  tensors: 'Send tensors',
};

function takes(inputs: readonly TensorSpec[], shapes: readonly (readonly number[])[]): boolean {
  return (
    inputs.length === shapes.length &&
    inputs.every(({ type, dims }, index) => type === 'float32' && `${dims}` === `${shapes[index]}`)
  );
}

function has(outputs: readonly TensorSpec[], name: string): boolean {
  return outputs.some((output) => output.name === name);
}
