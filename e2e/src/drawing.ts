/** The mouse on a canvas, as a person draws. */
import type { Locator } from '@playwright/test';

/** Draws one stroke. @param points  across and down the canvas, both in [0, 1] */
export async function drawStroke(
  canvas: Locator,
  [first, ...rest]: readonly [number, number][],
): Promise<void> {
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  if (box === null || first === undefined) throw new Error('no canvas, or nothing to draw on it');
  const { mouse } = canvas.page();
  const at = ([x, y]: [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
  await mouse.move(...at(first));
  await mouse.down();
  for (const point of rest) await mouse.move(...at(point), { steps: 12 });
  await mouse.up();
}

export const SEVEN: readonly [number, number][] = [
  [0.3, 0.2],
  [0.7, 0.2],
  [0.45, 0.85],
];
