import type { Model } from '@sparewheel/onnx';
import { GraphBuilder, type WeightSource } from '../graph-builder.ts';

/** Output channels of the 3 × 3 convolutions of each stage; a stage ends with a 2 × 2 pool. */
const STAGES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

/**
 * Builds VGG16 [Simonyan & Zisserman 2015, configuration D]: 138 357 544 parameters, 553 MB.
 * Input `image` [1, 3, 224, 224], output `logits` [1, 1000]. A smaller image size gives fc6 fewer weights.
 */
export function vgg16(weights: WeightSource, imageSize = 224): Model {
  const net = new GraphBuilder('vgg16', weights);
  let x = net.input('image', [1, 3, imageSize, imageSize]);
  STAGES.forEach((stage, s) => {
    stage.forEach((channels, c) => {
      x = net.relu(net.conv(`conv${s + 1}_${c + 1}`, x, { channels, kernel: 3, padding: 1 }));
    });
    x = net.maxPool(`pool${s + 1}`, x, { kernel: 2, stride: 2 });
  });
  x = net.flatten('flatten', x);
  x = net.relu(net.dense('fc6', x, 4096));
  x = net.relu(net.dense('fc7', x, 4096));
  net.output(net.dense('fc8', x, 1000, 'logits'));
  return net.finish();
}
