import type { Model } from '@sparewheel/onnx';
import { GraphBuilder, type WeightSource } from '../graph-builder.ts';

/**
 * Builds AlexNet [Krizhevsky et al. 2012] in its one-tower form without local response normalization
 * (Krizhevsky 2014): 61 100 840 parameters, 244 MB, of which the first fully-connected layer holds 151 MB.
 * Input `image` [1, 3, 224, 224], output `logits` [1, 1000].
 */
export function alexnet(weights: WeightSource, imageSize = 224): Model {
  const net = new GraphBuilder('alexnet', weights);
  const pool = { kernel: 3, stride: 2 };
  let x = net.input('image', [1, 3, imageSize, imageSize]);
  x = net.relu(net.conv('conv1', x, { channels: 64, kernel: 11, stride: 4, padding: 2 }));
  x = net.maxPool('pool1', x, pool);
  x = net.relu(net.conv('conv2', x, { channels: 192, kernel: 5, padding: 2 }));
  x = net.maxPool('pool2', x, pool);
  x = net.relu(net.conv('conv3', x, { channels: 384, kernel: 3, padding: 1 }));
  x = net.relu(net.conv('conv4', x, { channels: 256, kernel: 3, padding: 1 }));
  x = net.relu(net.conv('conv5', x, { channels: 256, kernel: 3, padding: 1 }));
  x = net.maxPool('pool5', x, pool);
  x = net.flatten('flatten', x);
  x = net.relu(net.dense('fc6', x, 4096));
  x = net.relu(net.dense('fc7', x, 4096));
  net.output(net.dense('fc8', x, 1000, 'logits'));
  return net.finish();
}
