import type { Model } from '@sparewheel/onnx';
import { GraphBuilder, type WeightSource } from '../graph-builder.ts';

/** Output channels of the 3 × 3 × 3 convolutions of each stage. */
const STAGES = [[64], [128], [256, 256], [512, 512], [512, 512]];

/**
 * Builds C3D [Tran et al. 2015]: 3-D convolutions over a clip of 16 frames; 79 991 015 parameters, 320 MB.
 * Input `clip` [1, 3, 16, 112, 112], output `logits` [1, 487]. A smaller image size gives fc6 fewer weights.
 */
export function c3d(weights: WeightSource, imageSize = 112): Model {
  const net = new GraphBuilder('c3d', weights);
  let x = net.input('clip', [1, 3, 16, imageSize, imageSize]);
  STAGES.forEach((stage, s) => {
    stage.forEach((channels, c) => {
      const name = stage.length === 1 ? `conv${s + 1}` : `conv${s + 1}${'ab'[c]}`;
      x = net.relu(net.conv(name, x, { channels, kernel: 3, padding: 1 }));
    });
    // As in the paper, the first pool keeps all frames to preserve motion, and the last pool pads the image.
    const window = s === 0 ? [1, 2, 2] : [2, 2, 2];
    const padding = s === STAGES.length - 1 ? [0, 1, 1] : [0, 0, 0];
    x = net.maxPool(`pool${s + 1}`, x, { kernel: window, stride: window, padding });
  });
  x = net.flatten('flatten', x);
  x = net.relu(net.dense('fc6', x, 4096));
  x = net.relu(net.dense('fc7', x, 4096));
  net.output(net.dense('fc8', x, 487, 'logits'));
  return net.finish();
}
