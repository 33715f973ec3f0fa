import { type FrameResult, linePath, SHOWN_FRAMES, SPEECH_FROM } from './voice-view.ts';

/** The probability of speech over the last 8 s. Sound without an answer is a gap. */
export function VoiceChart({ probabilities }: { probabilities: readonly FrameResult[] }) {
  return (
    <figure className="flex min-h-28 flex-1 flex-col gap-1">
      <div className="flex min-h-0 flex-1 gap-1.5">
        <div
          aria-hidden
          className="flex w-11 flex-col justify-between text-right text-xs leading-none whitespace-nowrap text-ink-faint"
        >
          <span>100 %</span>
          <span>{SPEECH_FROM * 100} %</span>
          <span>0 %</span>
        </div>
        <svg
          role="img"
          aria-label="Probability of speech over the last 8 seconds"
          viewBox={`0 -2 ${SHOWN_FRAMES} 104`}
          preserveAspectRatio="none"
          className="h-full min-h-24 min-w-0 flex-1 rounded-lg bg-raised"
        >
          <line
            x1="0"
            x2={SHOWN_FRAMES}
            y1={(1 - SPEECH_FROM) * 100}
            y2={(1 - SPEECH_FROM) * 100}
            stroke="var(--line-strong)"
            strokeDasharray="4 4"
            vectorEffect="non-scaling-stroke"
          />
          <path
            d={linePath(probabilities)}
            fill="none"
            stroke="var(--ink)"
            strokeWidth="2"
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
          />
        </svg>
      </div>
      <figcaption className="flex justify-between pl-12.5 text-xs text-ink-faint">
        <span>8 s ago</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
