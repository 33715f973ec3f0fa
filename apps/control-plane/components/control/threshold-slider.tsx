import { type CSSProperties, useId } from 'react';

/** The waiting threshold of the paper, in milliseconds. */
export function ThresholdSlider({
  value,
  max,
  onChange,
}: {
  value: number;
  max: number;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <div className="flex justify-between text-xs">
        <label htmlFor={id} className="font-medium text-ink-soft">
          Waiting threshold
        </label>
        <output htmlFor={id}>{value} ms</output>
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={max}
        step={1}
        value={value}
        onChange={(event) => onChange(event.target.valueAsNumber)}
        className="range"
        style={{ '--fill': `${(value / max) * 100}%` } as CSSProperties}
      />
    </div>
  );
}
