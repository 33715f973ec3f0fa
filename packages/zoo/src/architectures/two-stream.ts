import type { Model } from '@sparewheel/onnx';
import { GraphBuilder, type Value, type WeightSource } from '../graph-builder.ts';

/** Frames of a clip, and their size in pixels. The very low resolution protects people's privacy. */
const FRAMES = 16;
const HEIGHT = 12;
const WIDTH = 16;
/** Optical flow over ten frames, two components each. */
const FLOW_CHANNELS = 20;
const FEATURES = 256;
/** Windows of the temporal pyramid, in frames: the whole clip, halves, quarters, eighths. 15 in total. */
const PYRAMID = [16, 8, 4, 2];
const CLASSES = 51;

/**
 * Builds the action-recognition network of the paper's coverage study [after Ryoo et al. 2018; Hadidi et al.
 * 2018]: a spatial stream over 16 low-resolution frames, a temporal stream over their optical flow, a
 * temporal pyramid of maxima over each stream, and two wide fully-connected layers, which the paper splits.
 * The publications do not print every layer's width; those widths are our choice.
 * Inputs `frames` [16, 3, 12, 16] and `flow` [16, 20, 12, 16], output `logits` [1, 51].
 */
export function twoStream(weights: WeightSource, units = 4096): Model {
  const net = new GraphBuilder('two-stream', weights);
  const stream = (name: string, input: Value): Value => {
    let x = net.relu(net.conv(`${name}.conv1`, input, { channels: 64, kernel: 5, padding: 2 }));
    x = net.maxPool(`${name}.pool1`, x, { kernel: 2, stride: 2 });
    x = net.relu(net.conv(`${name}.conv2`, x, { channels: 128, kernel: 3, padding: 1 }));
    x = net.maxPool(`${name}.pool2`, x, { kernel: 2, stride: 2 });
    x = net.relu(net.conv(`${name}.conv3`, x, { channels: 256, kernel: 3, padding: 1 }));
    x = net.relu(net.dense(`${name}.fc`, net.flatten(`${name}.flatten`, x), FEATURES));
    // Up to here each row is a frame. From here on the frames are the time axis.
    x = net.transpose(`${name}.features`, x, [1, 0]);
    x = net.reshape(`${name}.time`, x, [1, FEATURES, FRAMES]);
    const levels = PYRAMID.map((window) =>
      net.maxPool(`${name}.pyramid${window}`, x, { kernel: window, stride: window }),
    );
    return net.flatten(`${name}.summary`, net.concat(`${name}.pyramid`, levels, 2));
  };
  const spatial = stream('spatial', net.input('frames', [FRAMES, 3, HEIGHT, WIDTH]));
  const temporal = stream('temporal', net.input('flow', [FRAMES, FLOW_CHANNELS, HEIGHT, WIDTH]));
  let x = net.concat('streams', [spatial, temporal]);
  x = net.relu(net.dense('fc1', x, units));
  x = net.relu(net.dense('fc2', x, units));
  net.output(net.dense('fc3', x, CLASSES, 'logits'));
  return net.finish();
}
