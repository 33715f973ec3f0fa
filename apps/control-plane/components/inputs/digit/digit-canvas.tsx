'use client';
import { type PointerEvent, useEffect, useRef } from 'react';
import type { Point, Stroke } from './sample-strokes.ts';

/** The resolution of the drawing, independent of its size on the screen. */
const SIDE = 320;
/** Line width, like a thick pen. */
const PEN = SIDE / 14;

/** A square for drawing with mouse, finger or pen. The caller holds the strokes. */
export function DigitCanvas({
  strokes,
  onChange,
  theme,
  testId = 'digit-canvas',
  label = 'Canvas for drawing a digit. Without a pointer, use the sample buttons 0 to 9 below.',
}: {
  strokes: readonly Stroke[];
  onChange: (strokes: readonly Stroke[]) => void;
  /** A change of the theme redraws the canvas. */
  theme: string | undefined;
  testId?: string;
  label?: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef(false);

  useEffect(() => {
    if (canvas.current) draw(canvas.current, strokes);
  }, [strokes, theme]);

  function start(event: PointerEvent<HTMLCanvasElement>) {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    drawing.current = true;
    onChange([...strokes, [pointOf(event)]]);
  }

  function move(event: PointerEvent<HTMLCanvasElement>) {
    const stroke = strokes.at(-1);
    if (!drawing.current || stroke === undefined) return;
    onChange([...strokes.slice(0, -1), [...stroke, pointOf(event)]]);
  }

  function stop() {
    drawing.current = false;
  }

  return (
    <canvas
      ref={canvas}
      width={SIDE}
      height={SIDE}
      data-testid={testId}
      role="img"
      aria-label={label}
      onPointerDown={start}
      onPointerMove={move}
      onPointerUp={stop}
      onPointerCancel={stop}
      className="aspect-square w-full cursor-crosshair touch-none rounded-lg border border-line-strong bg-raised"
    />
  );
}

function pointOf(event: PointerEvent<HTMLCanvasElement>): Point {
  const box = event.currentTarget.getBoundingClientRect();
  const along = (at: number, from: number, size: number) => Math.min(1, Math.max(0, (at - from) / size));
  return [along(event.clientX, box.left, box.width), along(event.clientY, box.top, box.height)];
}

function draw(canvas: HTMLCanvasElement, strokes: readonly Stroke[]): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.clearRect(0, 0, SIDE, SIDE);
  context.strokeStyle = getComputedStyle(canvas).getPropertyValue('--ink');
  context.lineWidth = PEN;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const [first, ...rest] of strokes) {
    if (first === undefined) continue;
    context.beginPath();
    context.moveTo(first[0] * SIDE, first[1] * SIDE);
    // A stroke with one point is a dot.
    for (const [x, y] of rest.length === 0 ? [first] : rest) context.lineTo(x * SIDE, y * SIDE);
    context.stroke();
  }
}
