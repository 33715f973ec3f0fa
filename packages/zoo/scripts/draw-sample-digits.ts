/**
 * Draws the sample digits: `npx tsx packages/zoo/scripts/draw-sample-digits.ts`. The seed is fixed, so it writes the
 * same file every time.
 */
import { writeFileSync } from 'node:fs';
import { digitFromPixels } from '../src/digits/digit-input.ts';
import { HANDS, writeDigit } from '../src/digits/hand.ts';
import { drawStrokes } from '../src/digits/stroke.ts';
import { seededRandom } from '../src/random.ts';

const SEED = 2020;
/** A drawing canvas with room around a digit of 200 pixels. */
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
const file = new URL('../samples/digits.json', import.meta.url);
const encoded = Buffer.from(pixels).toString('base64');
const content = { seed: SEED, width: 28, height: 28, labels: labels.join(''), pixels: encoded };
writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
console.log(`${labels.length} digits`);
