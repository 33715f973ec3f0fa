'use client';
import type { DeviceReport } from '@sparewheel/device/browser';
import { useEffect, useRef } from 'react';
import { formatCount } from '../ui/format.ts';
import { addAnswers, type TracedAnswer, traceTicks } from './answer-trace-view.ts';

const HEIGHT = 56;
const REDRAW_MS = 500;

/** The number of answers, and a tick for each answer of the last seconds. */
export function AnswerTrace({ report, answers }: { report: DeviceReport | null; answers: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const traced = useRef<readonly TracedAnswer[]>([]);

  useEffect(() => {
    if (report === null) return;
    let recent = report.recent;
    const draw = () => {
      const now = Date.now();
      traced.current = addAnswers(traced.current, recent, now);
      recent = [];
      if (canvas.current !== null) paint(canvas.current, traced.current, now);
      if (traced.current.length === 0) clearInterval(timer);
    };
    // Old ticks move on between two reports.
    const timer = setInterval(draw, REDRAW_MS);
    draw();
    return () => clearInterval(timer);
  }, [report]);

  return (
    <div className="border-t px-4 py-3">
      <div className="flex items-baseline gap-2">
        <span className="text-3xl leading-9 font-semibold tracking-[-0.02em]" data-testid="join-answers">
          {formatCount(answers)}
        </span>
        <span className="text-ink-soft">{answers === 1 ? 'answer' : 'answers'}</span>
      </div>
      <canvas
        ref={canvas}
        role="img"
        aria-label="A tick for each answer of the last ten seconds; taller ticks computed longer"
        data-testid="join-trace"
        className="mt-1 block w-full"
        style={{ height: HEIGHT }}
      />
      <p aria-hidden className="flex justify-between text-[11px] leading-4 text-ink-faint">
        <span>10 s ago</span>
        <span>now</span>
      </p>
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, answers: readonly TracedAnswer[], now: number): void {
  const scale = window.devicePixelRatio;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(HEIGHT * scale);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) return;
  const style = getComputedStyle(canvas);
  context.clearRect(0, 0, width, height);
  context.fillStyle = style.getPropertyValue('--line');
  context.fillRect(0, height - scale, width, scale);
  context.fillStyle = style.getPropertyValue('--data');
  for (const { x, height: share } of traceTicks(answers, now)) {
    const tall = Math.max(2 * scale, share * height);
    context.fillRect(Math.round(x * (width - 2 * scale)), height - tall, 2 * scale, tall);
  }
}
