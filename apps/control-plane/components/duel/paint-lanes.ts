import type { Silence } from './answer-store.ts';
import type { Interruption } from './duel-view.ts';
import { DOT_KINDS, type DotKind, type LaneBuffer } from './lane-buffer.ts';
import { decadeLabel, decades, type LaneScale, latencyHeight } from './lane-scale.ts';

export interface LaneColors {
  readonly dots: Readonly<Record<DotKind, string>>;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly surface: string;
  readonly fault: string;
  readonly outage: string;
  readonly slowdown: string;
  readonly unknown: string;
}

export interface PaintedLane {
  readonly dots: LaneBuffer;
  readonly interruptions: readonly Interruption[];
}

export interface LaneFault {
  readonly at: number;
  readonly label: string;
}

export interface LanesPicture {
  readonly width: number;
  readonly height: number;
  /** Of the text, in px. */
  readonly fontSize: number;
  readonly fontFamily: string;
  readonly colors: LaneColors;
  readonly lanes: readonly PaintedLane[];
  readonly faults: readonly LaneFault[];
  readonly scale: LaneScale;
  /** The time at the right edge, and how much of the past is shown. In ms. */
  readonly now: number;
  readonly shownMs: number;
  /** Since when the page receives dots, in ms. null if it has received none. */
  readonly receivedSince: number | null;
  /** Times in which the page received nothing. */
  readonly silences: readonly Silence[];
}

/** Space around the lanes in multiples of the font size: labels of the axes, and the texts above each lane. */
const LEFT = 5;
const RIGHT = 0.8;
const BOTTOM = 2.4;
/** The page puts name and status of the lane there. */
export const LANE_HEADING = 2.6;
const TICK_EVERY_MS = 5_000;

/** Returns where the lanes are, in px from the top. */
export function laneBoxes(
  height: number,
  fontSize: number,
  lanes: number,
): readonly { readonly top: number; readonly height: number }[] {
  const each = Math.max(0, (height - BOTTOM * fontSize) / Math.max(1, lanes));
  return Array.from({ length: lanes }, (_, at) => ({
    top: at * each + LANE_HEADING * fontSize,
    height: Math.max(0, each - LANE_HEADING * fontSize - 2),
  }));
}

/** Paints the lanes with everything in them. Dots at the same place are painted once. */
export function paintLanes(context: CanvasRenderingContext2D, picture: LanesPicture): void {
  const { width, height, fontSize, fontFamily, colors, lanes, scale, now, shownMs } = picture;
  const left = LEFT * fontSize;
  const plotWidth = Math.max(0, width - left - RIGHT * fontSize);
  const x = (at: number) => left + plotWidth * (1 - (now - at) / shownMs);
  context.clearRect(0, 0, width, height);
  context.font = `${fontSize}px ${fontFamily}`;
  context.textBaseline = 'middle';
  const boxes = laneBoxes(height, fontSize, lanes.length);
  for (const [at, lane] of lanes.entries()) {
    const box = boxes[at]!;
    paintPeriods(context, picture, lane, box, { left, plotWidth, x });
    paintScale(context, picture, box, left, plotWidth);
    // Over the lines of the scale, which would strike its label through.
    paintUnknown(context, picture, box, { left, plotWidth, x });
    paintDots(context, lane.dots, box, {
      left,
      plotWidth,
      now,
      shownMs,
      scale,
      colors,
      size: dotSize(fontSize),
    });
  }
  paintTimeAxis(context, picture, { left, plotWidth, boxes });
  paintFaults(context, picture, { left, plotWidth, x, boxes });
}

interface Plot {
  readonly left: number;
  readonly plotWidth: number;
  readonly x: (at: number) => number;
}

type Box = ReturnType<typeof laneBoxes>[number];

function dotSize(fontSize: number): number {
  return Math.max(3, Math.round(fontSize / 3.5));
}

function paintPeriods(
  context: CanvasRenderingContext2D,
  { colors, now, shownMs }: LanesPicture,
  { interruptions }: PaintedLane,
  box: Box,
  { left, plotWidth, x }: Plot,
): void {
  for (const { kind, from, to } of interruptions) {
    if ((to ?? now) < now - shownMs) continue;
    const start = Math.max(left, x(from));
    const end = Math.min(left + plotWidth, to === null ? left + plotWidth : x(to));
    context.fillStyle = kind === 'outage' ? colors.outage : colors.slowdown;
    context.fillRect(start, box.top, Math.max(1, end - start), box.height);
  }
}

/** Covers the times without messages: the page has no dots of them, which must not look like an outage. */
function paintUnknown(
  context: CanvasRenderingContext2D,
  { colors, receivedSince, silences, fontSize, now }: LanesPicture,
  box: Box,
  { left, plotWidth, x }: Plot,
): void {
  const cover = (from: number, to: number, label: string) => {
    const start = Math.max(left, from);
    const width = Math.min(left + plotWidth, to) - start;
    if (width <= 0) return;
    context.fillStyle = colors.unknown;
    context.fillRect(start, box.top, width, box.height);
    if (context.measureText(label).width + fontSize > width) return;
    context.textAlign = 'center';
    context.fillStyle = colors.faint;
    context.fillText(label, start + width / 2, box.top + box.height / 2);
  };
  if (receivedSince !== null) cover(left, x(receivedSince), 'before this page connected');
  for (const { from, to } of silences) cover(x(from), x(to ?? now), 'no updates from the server');
}

function paintScale(
  context: CanvasRenderingContext2D,
  { colors, scale, fontSize }: LanesPicture,
  box: Box,
  left: number,
  plotWidth: number,
): void {
  const ticks = decades(scale);
  // In a low lane, the labels would overlap.
  const every = Math.max(1, Math.ceil((ticks.length * fontSize * 1.3) / Math.max(1, box.height)));
  context.textAlign = 'right';
  for (const [at, ms] of ticks.entries()) {
    const y = Math.round(box.top + box.height * (1 - latencyHeight(scale, ms))) + 0.5;
    context.fillStyle = colors.line;
    context.fillRect(left, y - 0.5, plotWidth, 1);
    if (at % every > 0) continue;
    context.fillStyle = colors.faint;
    context.fillText(decadeLabel(ms), left - fontSize / 2, y);
  }
}

function paintDots(
  context: CanvasRenderingContext2D,
  dots: LaneBuffer,
  box: Box,
  {
    left,
    plotWidth,
    now,
    shownMs,
    scale,
    colors,
    size,
  }: {
    left: number;
    plotWidth: number;
    now: number;
    shownMs: number;
    scale: LaneScale;
    colors: LaneColors;
    size: number;
  },
): void {
  // Bad dots last, so that no other dot hides them.
  const order: readonly DotKind[] = ['answered', 'survived', 'bad'];
  const columns = Math.ceil(plotWidth) + 1;
  const rows = Math.ceil(box.height) + 1;
  const cells = new Uint8Array(columns * rows);
  const pending: Record<DotKind, number[]> = { answered: [], survived: [], bad: [] };
  dots.each(now - shownMs, (at, latencyMs, kind) => {
    const column = Math.round(plotWidth * (1 - (now - at) / shownMs));
    if (column < 0 || column >= columns) return;
    const row = Math.round(box.height * (1 - latencyHeight(scale, latencyMs)));
    const cell = row * columns + column;
    const bit = 1 << DOT_KINDS.indexOf(kind);
    if ((cells[cell]! & bit) !== 0) return;
    cells[cell]! |= bit;
    pending[kind].push(column, row);
  });
  for (const kind of order) {
    context.fillStyle = colors.dots[kind];
    const edge = kind === 'bad' ? size + 2 : size;
    const places = pending[kind];
    for (let at = 0; at < places.length; at += 2) {
      context.fillRect(left + places[at]! - edge / 2, box.top + places[at + 1]! - edge / 2, edge, edge);
    }
  }
}

function paintTimeAxis(
  context: CanvasRenderingContext2D,
  { colors, fontSize, shownMs }: LanesPicture,
  { left, plotWidth, boxes }: { left: number; plotWidth: number; boxes: readonly Box[] },
): void {
  const last = boxes.at(-1);
  if (last === undefined) return;
  const y = last.top + last.height + fontSize * 1.3;
  context.fillStyle = colors.faint;
  for (let ago = 0; ago <= shownMs; ago += TICK_EVERY_MS) {
    const at = left + plotWidth * (1 - ago / shownMs);
    context.textAlign = ago === 0 ? 'right' : ago === shownMs ? 'left' : 'center';
    context.fillText(ago === 0 ? 'now' : `−${ago / 1_000} s`, at, y);
  }
}

function paintFaults(
  context: CanvasRenderingContext2D,
  { colors, faults, now, shownMs, fontSize, fontFamily }: LanesPicture,
  { left, plotWidth, x, boxes }: Plot & { boxes: readonly Box[] },
): void {
  const first = boxes[0];
  if (first === undefined) return;
  context.font = `600 ${fontSize}px ${fontFamily}`;
  for (const { at, label } of faults) {
    if (at < now - shownMs || at > now) continue;
    const place = Math.round(x(at));
    context.fillStyle = colors.fault;
    // Not through the heading of a lane.
    for (const { top, height } of boxes) context.fillRect(place - 1, top, 2, height);
    const width = context.measureText(label).width;
    const onRight = place + width + fontSize <= left + plotWidth;
    context.textAlign = onRight ? 'left' : 'right';
    const textAt = onRight ? place + fontSize / 2 : place - fontSize / 2;
    // The label is over dots.
    context.fillStyle = colors.surface;
    context.fillRect(onRight ? textAt - 2 : textAt - width - 2, first.top + 2, width + 4, fontSize * 1.4);
    context.fillStyle = colors.fault;
    context.fillText(label, textAt, first.top + 2 + fontSize * 0.75);
  }
}
