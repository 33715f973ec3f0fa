import { RotateCcw, Skull } from 'lucide-react';
import type { PendingAction } from '../fleet/fleet-view.ts';
import { cn } from '../ui/class-names.ts';
import type { StageDevice } from './stage-view.ts';

/** Large buttons that kill and revive devices. The order of the keys never changes. */
export function StageButtons({
  devices,
  others,
  pending,
  low,
  onPress,
}: {
  devices: readonly StageDevice[];
  others: number;
  pending: ReadonlyMap<string, PendingAction>;
  /** Leaves more room for the rest of the stage. */
  low: boolean;
  onPress: (device: StageDevice) => void;
}) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <ul
        aria-label="Kill a device"
        className="grid auto-cols-fr grid-flow-col gap-2 max-md:grid-flow-row max-md:grid-cols-3"
      >
        {devices.map((each) => (
          <li key={each.device.id} className="min-w-0">
            <StageButton
              stage={each}
              pending={pending.get(each.device.id) ?? null}
              low={low}
              onPress={onPress}
            />
          </li>
        ))}
      </ul>
      {others > 0 && (
        <p className="text-sm text-ink-soft">
          {others} more {others === 1 ? 'device' : 'devices'} on the Live page
        </p>
      )}
    </div>
  );
}

function StageButton({
  stage,
  pending,
  low,
  onPress,
}: {
  stage: StageDevice;
  pending: PendingAction | null;
  low: boolean;
  onPress: (device: StageDevice) => void;
}) {
  const { device, label, key, action } = stage;
  const dead = action === 'revive';
  const Icon = dead ? RotateCcw : Skull;
  const verb = dead ? 'Revive' : 'Kill';
  return (
    <button
      type="button"
      data-testid={`stage-${device.name}`}
      data-state={device.state}
      disabled={action === null || pending !== null}
      aria-label={`${verb} ${label}, key ${key}`}
      title={`${verb} ${label} (key ${key})`}
      onClick={() => onPress(stage)}
      className={cn(
        '@container flex w-full min-w-0 flex-col items-center justify-center rounded-xl border-2 px-1 font-semibold select-none disabled:cursor-not-allowed disabled:opacity-60',
        low ? 'h-18' : 'h-24',
        dead
          ? 'border-danger bg-danger-wash text-danger-ink'
          : 'border-line-strong bg-surface text-ink hover:border-danger hover:bg-danger-wash',
      )}
    >
      <span className="flex items-center gap-x-2 text-lg leading-7 @max-[8rem]:flex-col-reverse @min-[11rem]:text-2xl">
        <Icon aria-hidden className="size-5 shrink-0 @max-[11rem]:hidden" />
        {verb}
        <kbd className="rounded-md border border-line-strong bg-raised px-2 font-sans leading-6 text-ink">
          {key}
        </kbd>
      </span>
      <span className="w-full truncate text-center text-sm leading-6 font-medium @min-[8rem]:text-base">
        {label}
      </span>
    </button>
  );
}
