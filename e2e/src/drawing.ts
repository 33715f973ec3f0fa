import type { Locator } from '@playwright/test';

/** Draws one stroke with the mouse. Points are [x, y] in fractions of the canvas size. */
export async function drawStroke(
  canvas: Locator,
  [first, ...rest]: readonly [number, number][],
): Promise<void> {
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  if (box === null || first === undefined)
    throw new Error('the canvas is not visible, or the stroke has no points');
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
