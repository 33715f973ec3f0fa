import type { Tone } from '../fleet/fleet-view.ts';
import { cn } from './class-names.ts';

const TONES: Record<Tone, string> = {
  ok: 'bg-ok',
  warning: 'bg-warning',
  danger: 'bg-danger',
  muted: 'bg-idle',
};

/** A color next to a word, never instead of one. */
export function StatusDot({
  tone,
  pulse = false,
  className,
}: {
  tone: Tone;
  pulse?: boolean;
  className?: string;
}) {
  return (
    <span
      aria-hidden
      className={cn(
        'inline-block size-2 shrink-0 rounded-full',
        TONES[tone],
        pulse && 'animate-pulse',
        className,
      )}
    />
  );
}
