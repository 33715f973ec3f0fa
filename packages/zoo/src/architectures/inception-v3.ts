import type { Model } from '@sparewheel/onnx';
import { GraphBuilder, type PerAxis, type Value, type WeightSource } from '../graph-builder.ts';

/**
 * Builds Inception v3 [Szegedy et al. 2016] for inference: batch normalization folded into the convolutions,
 * no auxiliary classifier; 94 convolutions, 23 817 352 parameters, 95 MB.
 * Input `image` [1, 3, 299, 299], output `logits` [1, 1000]. The weights do not depend on the image size,
 * which is at least 75.
 */
export function inceptionV3(weights: WeightSource, imageSize = 299): Model {
  const net = new GraphBuilder('inception-v3', weights);
  const conv = (
    name: string,
    x: Value,
    channels: number,
    kernel: PerAxis,
    padding: PerAxis = 0,
    stride = 1,
  ): Value => net.relu(net.conv(name, x, { channels, kernel, padding, stride }));
  const halve = (name: string, x: Value): Value => net.maxPool(name, x, { kernel: 3, stride: 2 });
  const smooth = (name: string, x: Value): Value =>
    net.averagePool(name, x, { kernel: 3, stride: 1, padding: 1 });

  /** 35 × 35: branches of 1 × 1, 5 × 5, twice 3 × 3, and pool. */
  const blockA = (at: string, x: Value, poolChannels: number): Value => {
    const five = conv(`${at}.5x5_1`, x, 48, 1);
    const double = conv(`${at}.3x3dbl_2`, conv(`${at}.3x3dbl_1`, x, 64, 1), 96, 3, 1);
    return net.concat(at, [
      conv(`${at}.1x1`, x, 64, 1),
      conv(`${at}.5x5_2`, five, 64, 5, 2),
      conv(`${at}.3x3dbl_3`, double, 96, 3, 1),
      conv(`${at}.pool_1x1`, smooth(`${at}.pool`, x), poolChannels, 1),
    ]);
  };
  /** 35 × 35 to 17 × 17. */
  const blockB = (at: string, x: Value): Value => {
    const double = conv(`${at}.3x3dbl_2`, conv(`${at}.3x3dbl_1`, x, 64, 1), 96, 3, 1);
    return net.concat(at, [
      conv(`${at}.3x3`, x, 384, 3, 0, 2),
      conv(`${at}.3x3dbl_3`, double, 96, 3, 0, 2),
      halve(`${at}.pool`, x),
    ]);
  };
  /** 17 × 17: factors a 7 × 7 kernel into 1 × 7 and 7 × 1. */
  const blockC = (at: string, x: Value, narrow: number): Value => {
    const wide = (name: string, from: Value, channels: number) => conv(name, from, channels, [1, 7], [0, 3]);
    const tall = (name: string, from: Value, channels: number) => conv(name, from, channels, [7, 1], [3, 0]);
    const single = wide(`${at}.7x7_2`, conv(`${at}.7x7_1`, x, narrow, 1), narrow);
    let double = conv(`${at}.7x7dbl_1`, x, narrow, 1);
    double = wide(`${at}.7x7dbl_3`, tall(`${at}.7x7dbl_2`, double, narrow), narrow);
    double = tall(`${at}.7x7dbl_4`, double, narrow);
    return net.concat(at, [
      conv(`${at}.1x1`, x, 192, 1),
      tall(`${at}.7x7_3`, single, 192),
      wide(`${at}.7x7dbl_5`, double, 192),
      conv(`${at}.pool_1x1`, smooth(`${at}.pool`, x), 192, 1),
    ]);
  };
  /** 17 × 17 to 8 × 8. */
  const blockD = (at: string, x: Value): Value => {
    let seven = conv(`${at}.7x7x3_2`, conv(`${at}.7x7x3_1`, x, 192, 1), 192, [1, 7], [0, 3]);
    seven = conv(`${at}.7x7x3_3`, seven, 192, [7, 1], [3, 0]);
    return net.concat(at, [
      conv(`${at}.3x3_2`, conv(`${at}.3x3_1`, x, 192, 1), 320, 3, 0, 2),
      conv(`${at}.7x7x3_4`, seven, 192, 3, 0, 2),
      halve(`${at}.pool`, x),
    ]);
  };
  /** 8 × 8: two of the branches split again. */
  const blockE = (at: string, x: Value): Value => {
    const fork = (name: string, from: Value): Value[] => [
      conv(`${name}a`, from, 384, [1, 3], [0, 1]),
      conv(`${name}b`, from, 384, [3, 1], [1, 0]),
    ];
    const double = conv(`${at}.3x3dbl_2`, conv(`${at}.3x3dbl_1`, x, 448, 1), 384, 3, 1);
    return net.concat(at, [
      conv(`${at}.1x1`, x, 320, 1),
      ...fork(`${at}.3x3_2`, conv(`${at}.3x3_1`, x, 384, 1)),
      ...fork(`${at}.3x3dbl_3`, double),
      conv(`${at}.pool_1x1`, smooth(`${at}.pool`, x), 192, 1),
    ]);
  };

  let x = net.input('image', [1, 3, imageSize, imageSize]);
  x = conv('conv1a', x, 32, 3, 0, 2);
  x = conv('conv2a', x, 32, 3);
  x = halve('pool1', conv('conv2b', x, 64, 3, 1));
  x = conv('conv3b', x, 80, 1);
  x = halve('pool2', conv('conv4a', x, 192, 3));
  x = blockA('mixed5b', x, 32);
  x = blockA('mixed5c', x, 64);
  x = blockA('mixed5d', x, 64);
  x = blockB('mixed6a', x);
  x = blockC('mixed6b', x, 128);
  x = blockC('mixed6c', x, 160);
  x = blockC('mixed6d', x, 160);
  x = blockC('mixed6e', x, 192);
  x = blockD('mixed7a', x);
  x = blockE('mixed7b', x);
  x = blockE('mixed7c', x);
  x = net.flatten('flatten', net.globalAveragePool('pool3', x));
  net.output(net.dense('fc', x, 1000, 'logits'));
  return net.finish();
}
