import { describe, expect, it } from 'vitest';
import type { Silence } from './answer-store.ts';
import { LaneBuffer } from './lane-buffer.ts';
import { laneScale } from './lane-scale.ts';
import { laneBoxes, paintLanes } from './paint-lanes.ts';

const [WIDTH, HEIGHT, FONT] = [1_000, 400, 10];

/** Paints two lanes of 20 s and returns every rectangle with its color. */
function painted(receivedSince: number | null, silences: readonly Silence[] = []) {
  const rectangles: { color: string; x: number; y: number; width: number; height: number }[] = [];
  const texts: string[] = [];
  const context = {
    fillStyle: '',
    clearRect() {},
    fillRect(x: number, y: number, width: number, height: number) {
      rectangles.push({ color: this.fillStyle, x, y, width, height });
    },
    fillText: (text: string) => texts.push(text),
    measureText: (text: string) => ({ width: text.length * 5 }),
  };
  const names = ['ink', 'faint', 'line', 'surface', 'fault', 'outage', 'slowdown', 'unknown'] as const;
  const colors = Object.fromEntries(names.map((name) => [name, name])) as Record<
    (typeof names)[number],
    string
  >;
  paintLanes(context as unknown as CanvasRenderingContext2D, {
    width: WIDTH,
    height: HEIGHT,
    fontSize: FONT,
    fontFamily: 'sans-serif',
    colors: { ...colors, dots: { answered: 'answered', survived: 'survived', bad: 'bad' } },
    lanes: [1, 2].map(() => ({ dots: new LaneBuffer(1), interruptions: [] })),
    faults: [{ at: 90_000, label: 'd3 killed' }],
    scale: laneScale(null, 1, 100),
    now: 100_000,
    shownMs: 20_000,
    receivedSince,
    silences,
  });
  return { rectangles, texts };
}

describe('the painted lanes', () => {
  it('cover the time before the page opened, so that it does not look like an outage', () => {
    const { rectangles, texts } = painted(95_000);
    const unknown = rectangles.filter(({ color }) => color === 'unknown');
    const plot = WIDTH - 5.8 * FONT;
    expect(unknown).toHaveLength(2);
    for (const { x, width } of unknown) {
      expect(x).toBe(5 * FONT);
      expect(width).toBeCloseTo(plot * 0.75, 6);
    }
    expect(texts).toContain('before this page connected');
    // Otherwise a line of the scale would strike the label through.
    const lastLine = rectangles.findLastIndex(({ color, height }) => color === 'line' && height === 1);
    expect(lastLine).toBeLessThan(rectangles.indexOf(unknown[1]!));
    for (const since of [null, 80_000, 10_000]) {
      expect(painted(since).rectangles.filter(({ color }) => color === 'unknown')).toEqual([]);
    }
  });

  it('cover the times without messages of the server', () => {
    const silences = [
      { from: 85_000, to: 86_000 },
      { from: 90_000, to: null },
    ];
    const { rectangles, texts } = painted(null, silences);
    const plot = WIDTH - 5.8 * FONT;
    const covered = rectangles.filter(({ color }) => color === 'unknown');
    expect(covered.map(({ width }) => Math.round(width))).toEqual(
      [0.05, 0.5, 0.05, 0.5].map((share) => Math.round(plot * share)),
    );
    expect(covered[1]!.x + covered[1]!.width).toBeCloseTo(5 * FONT + plot, 6);
    // The short one has no room for its label.
    expect(texts.filter((text) => text === 'no updates from the server')).toHaveLength(2);
  });

  it('mark a fault inside the lanes, not through their headings', () => {
    const lines = painted(null).rectangles.filter(({ color, width }) => color === 'fault' && width === 2);
    expect(lines.map(({ y, height }) => ({ top: y, height }))).toEqual(laneBoxes(HEIGHT, FONT, 2));
  });
});
