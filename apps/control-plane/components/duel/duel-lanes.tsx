'use client';
import { type EventView, faultWords } from '@sparewheel/protocol';
import { useTheme } from 'next-themes';
import { type RefObject, useEffect, useRef } from 'react';
import { useSize } from '../latency/use-size.ts';
import { useConnection, useSilentSince } from '../live-connection/live-connection.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { cn } from '../ui/class-names.ts';
import { whileVisible } from '../ui/while-visible.ts';
import {
  dotsOf,
  faultReports,
  receivedSince,
  SHOWN_MS,
  serverNow,
  serverTimeOf,
  silences,
} from './answer-store.ts';
import {
  type Duel,
  type Interruption,
  interruptionsOf,
  type LaneStatus,
  laneStatus,
  silentStatus,
  uncodedDetail,
} from './duel-view.ts';
import { type LaneScale, laneScale } from './lane-scale.ts';
import { LANE_HEADING, type LaneColors, laneBoxes, paintLanes } from './paint-lanes.ts';
import { RunningClock } from './running-clock.tsx';

/** Dots arrive ten times a second. More pictures would cost processor time on a machine that also computes. */
const FRAME_MS = 100;

const TONES: Record<LaneStatus['tone'], string> = {
  ok: 'text-ok-ink',
  warning: 'text-warning-ink',
  danger: 'text-danger-ink',
  muted: 'text-ink-faint',
};

/** Both lanes on one time axis. Each answer is a dot; React renders only names and states, not the dots. */
export function DuelLanes({ duel, large = false }: { duel: Duel; large?: boolean }) {
  const { coded, uncoded } = duel;
  const events = useLive('events');
  const lanes = uncoded === null ? [coded] : [coded, uncoded];
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const fontSize = large ? Math.round(Math.min(28, Math.max(14, width / 62))) : 11;
  const canvas = usePaintedLanes(
    lanes.map((lane) => ({
      name: lane.name,
      interruptions: interruptionsOf(lane, events as readonly EventView[]),
    })),
    { width, height, fontSize },
  );
  const boxes = laneBoxes(height, fontSize, lanes.length);
  const loading = coded.load?.running === true;
  const silentSince = useSilentSince();
  const silent = silentStatus(useConnection(), silentSince === null ? null : serverTimeOf(silentSince));

  return (
    <div ref={frame} className="absolute inset-0" style={{ fontSize }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Latency of each answer of the last ${SHOWN_MS / 1_000} seconds on a logarithmic scale, coded${uncoded ? ' and uncoded' : ''}. The numbers are in the table.`}
        data-testid="duel-lanes"
        className="absolute inset-0"
        style={{ width, height }}
      />
      {lanes.map((lane, at) => (
        <LaneHeading
          key={lane.name}
          name={lane === coded ? 'Coded' : 'Uncoded'}
          detail={lane === coded ? `${coded.planned.k} + ${coded.planned.r} devices` : uncodedDetail(lane)}
          status={silent ?? laneStatus(lane, loading)}
          top={(boxes[at]?.top ?? 0) - LANE_HEADING * fontSize}
          height={LANE_HEADING * fontSize}
          testId={lane === coded ? 'lane-coded' : 'lane-uncoded'}
        />
      ))}
    </div>
  );
}

function LaneHeading({
  name,
  detail,
  status,
  top,
  height,
  testId,
}: {
  name: string;
  detail: string;
  status: LaneStatus;
  top: number;
  height: number;
  testId: string;
}) {
  return (
    <div
      className="absolute inset-x-0 flex items-center gap-[0.6em] overflow-hidden px-[0.8em] leading-tight whitespace-nowrap"
      style={{ top, height }}
      data-testid={testId}
      data-tone={status.tone}
    >
      <span className="text-[1.2em] font-semibold text-ink">{name}</span>
      <span className="text-ink-faint max-sm:hidden">{detail}</span>
      <span
        role="status"
        className={cn('ml-auto min-w-0 truncate text-[1.1em] font-semibold', TONES[status.tone])}
        title={status.text}
      >
        {status.text}
      </span>
      {status.clockFrom !== null && (
        <RunningClock
          from={status.clockFrom}
          className="rounded bg-danger-wash px-[0.4em] py-[0.1em] text-[1.1em] font-semibold text-danger-ink"
        />
      )}
    </div>
  );
}

interface LaneToPaint {
  readonly name: string;
  readonly interruptions: readonly Interruption[];
}

/** Paints the lanes on a canvas while it is visible. */
function usePaintedLanes(
  lanes: readonly LaneToPaint[],
  size: { readonly width: number; readonly height: number; readonly fontSize: number },
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  // The painter reads what was rendered last, so that a new state does not restart it.
  const latest = useRef({ lanes, size });
  latest.current = { lanes, size };
  const { resolvedTheme } = useTheme();
  const { width, height } = size;

  // The theme is a dependency because it changes the colors.
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio;
    context.canvas.width = width * ratio;
    context.canvas.height = height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colors = colorsOf(context.canvas);
    const { fontFamily } = getComputedStyle(context.canvas);
    let scale: LaneScale | null = null;

    const paint = () => {
      const now = serverNow();
      const { lanes, size } = latest.current;
      const painted = lanes.map(({ name, interruptions }) => ({ dots: dotsOf(name), interruptions }));
      scale = scaleFor(scale, painted, now);
      paintLanes(context, {
        ...size,
        fontFamily,
        colors,
        lanes: painted,
        faults: faultReports().map(({ at, deviceName, fault }) => ({
          at: Date.parse(at),
          label: `${deviceName} ${faultWords(fault)}`,
        })),
        scale,
        now,
        shownMs: SHOWN_MS,
        receivedSince: receivedSince(),
        silences: silences(),
      });
    };
    const end = whileVisible(context.canvas, FRAME_MS, paint);
    paint();
    return end;
  }, [width, height, resolvedTheme]);
  return canvas;
}

function scaleFor(
  current: LaneScale | null,
  lanes: readonly { readonly dots: ReturnType<typeof dotsOf> }[],
  now: number,
): LaneScale {
  let smallest = Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const { dots } of lanes) {
    dots.each(now - SHOWN_MS, (_at, latencyMs) => {
      smallest = Math.min(smallest, latencyMs);
      largest = Math.max(largest, latencyMs);
    });
  }
  return laneScale(current, smallest, largest);
}

function colorsOf(element: Element): LaneColors {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name);
  return {
    dots: { answered: color('--data'), survived: color('--parity'), bad: color('--danger') },
    ink: color('--ink'),
    faint: color('--ink-faint'),
    line: color('--line'),
    surface: color('--surface'),
    fault: color('--danger-ink'),
    outage: color('--danger-wash'),
    slowdown: color('--warning-wash'),
    unknown: color('--raised'),
  };
}
