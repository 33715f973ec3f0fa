import { cn } from './class-names.ts';

/** A progress bar. @param value  0 to 1 */
export function Progress({ label, value, className }: { label: string; value: number; className?: string }) {
  const percent = Math.round(value * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className={cn('h-1.5 overflow-hidden rounded-full bg-raised', className)}
    >
      <div
        className={cn(
          'h-full rounded-full transition-[width] duration-200',
          value >= 1 ? 'bg-ok' : 'bg-data',
        )}
        style={{ width: `${percent}%` }}
      />
    </div>
  );
}
