/**
 * The baseline: plain ONNX Runtime runs a whole network in one thread. Sends a PlainMeasurement to its parent.
 *
 *   node --import tsx plain-runtime-process.ts MODEL.onnx WARMUPS REQUESTS BUDGET_MS
 */
import ort from 'onnxruntime-node';
import type { PlainMeasurement } from './plain-runtime.ts';
import { elapsed, threadTimes } from './processor-time.ts';
import { inputValues, repeat } from './speed-network.ts';

const [file = '', ...numbers] = process.argv.slice(2);
const [warmups = 0, requests = 0, budgetMs = 0] = numbers.map(Number);

const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const [input] = session.inputMetadata;
if (session.inputMetadata.length !== 1 || !input?.isTensor || input.type !== 'float32')
  throw new TypeError(`${file}: the speed benchmarks need a network with one float32 input`);
const dims = input.shape.map(Number);
const elements = dims.reduce((product, dim) => product * dim, 1);
const feeds = { [input.name]: new ort.Tensor('float32', inputValues(elements), dims) };

await repeat(warmups, budgetMs, () => session.run(feeds));
const before = threadTimes('self');
const times = await repeat(requests, budgetMs, () => session.run(feeds));
const cpuMs = elapsed(before, threadTimes('self')) / times.length;

const output = (await session.run(feeds))[session.outputNames[0]!]!;
const measurement: PlainMeasurement = {
  times,
  cpuMs,
  input: { name: input.name, dims },
  output: Array.from(output.data as Float32Array),
};
process.send!(measurement, () => process.disconnect());
