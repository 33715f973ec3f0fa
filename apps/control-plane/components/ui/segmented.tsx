'use client';
import { ToggleGroup } from 'radix-ui';
import { cn } from './class-names.ts';

/** A choice between a few visible options. Arrow keys move between them. */
export function Segmented<Value extends string>({
  label,
  value,
  options,
  onChange,
  disabled = false,
  className,
}: {
  label: string;
  value: Value;
  options: readonly { readonly value: Value; readonly label: string }[];
  onChange: (value: Value) => void;
  disabled?: boolean;
  className?: string;
}) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      disabled={disabled}
      // An empty value means that the selected option was pressed again. It stays selected.
      onValueChange={(next) => next !== '' && onChange(next as Value)}
      className={cn('inline-flex rounded-lg bg-raised p-0.5', className)}
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.value}
          value={option.value}
          className="h-7 flex-1 rounded-md px-2.5 text-xs font-medium whitespace-nowrap text-ink-soft transition-colors hover:text-ink data-[state=on]:bg-selected data-[state=on]:text-ink data-[state=on]:shadow-card disabled:opacity-50"
        >
          {option.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
