import { type CSSProperties, useId } from 'react';
import { formatMs } from '../ui/format.ts';

/** Chooses the waiting threshold of the paper, in milliseconds. */
export function ThresholdSlider({
  value,
  max,
  step,
  onChange,
}: {
  value: number;
  max: number;
  step: number;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <div className="flex justify-between text-xs">
        <label htmlFor={id} className="font-medium text-ink-soft">
          Waiting threshold
        </label>
        <output htmlFor={id}>{formatMs(value)}</output>
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={max}
        step={step}
        value={value}
        aria-valuetext={formatMs(value)}
        onChange={(event) => onChange(Number(event.target.valueAsNumber.toFixed(3)))}
        className="range"
        style={{ '--fill': `${(value / max) * 100}%` } as CSSProperties}
      />
      <div aria-hidden className="flex justify-between text-[11px] leading-4 text-ink-faint">
        <span>0</span>
        <span>{formatMs(max)}</span>
      </div>
    </div>
  );
}
