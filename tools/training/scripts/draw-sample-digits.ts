/**
 * Draws the sample digits that ship with the zoo (packages/zoo/samples/digits.json). The seed is fixed, so
 * every run writes the same file.
 *
 *   npx tsx tools/training/scripts/draw-sample-digits.ts
 */
import { writeFileSync } from 'node:fs';
import { digitFromPixels, drawStrokes } from '@sparewheel/zoo/digits';
import { seededRandom } from '@sparewheel/zoo/random';
import { HANDS, writeDigit } from '../src/handwriting/hand.ts';

const SEED = 2020;
/** Canvas side, digit height and position, in pixels. */
const CANVAS = 280;
const HEIGHT = 200;
const LEFT = 60;
const TOP = 40;

const random = seededRandom(SEED);
const labels: number[] = [];
const pixels: number[] = [];
for (const hand of HANDS) {
  for (let digit = 0; digit < 10; digit++) {
    const { strokes, thickness } = writeDigit(digit, hand, random);
    const onCanvas = strokes.map((stroke) =>
      stroke.map(({ x, y }) => ({ x: LEFT + HEIGHT * x, y: TOP + HEIGHT * y })),
    );
    const drawing = drawStrokes(onCanvas, (along) => HEIGHT * thickness(along), CANVAS, CANVAS);
    labels.push(digit);
    for (const value of digitFromPixels(drawing.pixels, CANVAS, CANVAS)) pixels.push(Math.round(255 * value));
  }
}
const file = new URL('../../../packages/zoo/samples/digits.json', import.meta.url);
const encoded = Buffer.from(pixels).toString('base64');
const content = { seed: SEED, width: 28, height: 28, labels: labels.join(''), pixels: encoded };
writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
console.log(`${labels.length} digits written`);
