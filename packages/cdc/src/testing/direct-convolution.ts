import { type Convolution, outputSize, type Values } from '../splits/layer.ts';

/** The convolution straight from its definition, for any rank up to 3, without im2col: to test im2col against. */
export function directConvolution(layer: Convolution, input: Values, weights: Values): Float64Array {
  // Axes of size 1 in front make every convolution three-dimensional.
  const three = (values: readonly number[], fill: number) => [fill, fill, ...values].slice(-3) as Triple;
  const [sizeD, sizeH, sizeW] = three(layer.size, 1);
  const [kernelD, kernelH, kernelW] = three(layer.kernel, 1);
  const [strideD, strideH, strideW] = three(layer.strides, 1);
  const [padD, padH, padW] = three(layer.padsBegin, 0);
  const [dilationD, dilationH, dilationW] = three(layer.dilations, 1);
  const [outD, outH, outW] = three(outputSize(layer), 1);
  const channels = layer.channels / layer.groups;
  const filters = layer.filters / layer.groups;
  const output: number[] = [];
  for (let n = 0; n < layer.batch; n++) {
    for (let f = 0; f < layer.filters; f++) {
      const firstChannel = Math.floor(f / filters) * channels;
      for (let od = 0; od < outD; od++) {
        for (let oh = 0; oh < outH; oh++) {
          for (let ow = 0; ow < outW; ow++) {
            let sum = 0;
            for (let c = 0; c < channels; c++) {
              for (let kd = 0; kd < kernelD; kd++) {
                for (let kh = 0; kh < kernelH; kh++) {
                  for (let kw = 0; kw < kernelW; kw++) {
                    const d = od * strideD - padD + kd * dilationD;
                    const h = oh * strideH - padH + kh * dilationH;
                    const w = ow * strideW - padW + kw * dilationW;
                    if (d < 0 || h < 0 || w < 0 || d >= sizeD || h >= sizeH || w >= sizeW) continue;
                    const channel = n * layer.channels + firstChannel + c;
                    const weight = (((f * channels + c) * kernelD + kd) * kernelH + kh) * kernelW + kw;
                    sum += weights[weight]! * input[((channel * sizeD + d) * sizeH + h) * sizeW + w]!;
                  }
                }
              }
            }
            output.push(sum);
          }
        }
      }
    }
  }
  return Float64Array.from(output);
}

type Triple = [number, number, number];
