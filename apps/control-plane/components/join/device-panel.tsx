'use client';
import type { TabDevice } from '@sparewheel/device/browser';
import { LogOut } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { StatusDot } from '../ui/status-dot.tsx';
import { DeviceNotes } from './device-notes.tsx';
import { type JoinAction, joinMeasures, joinView } from './join-page-view.ts';
import { useWakeLock } from './use-wake-lock.ts';

const HEADLINES = {
  ok: 'text-ok-ink',
  warning: 'text-warning-ink',
  danger: 'text-danger-ink',
  muted: 'text-ink',
};

/** The tab's device: how it is, what it does, and the way out. */
export function DevicePanel({
  device,
  onAction,
  onLeave,
}: {
  device: TabDevice;
  onAction: (action: JoinAction) => void;
  onLeave: () => void;
}) {
  const state = useSyncExternalStore(device.subscribe, device.getState, device.getState);
  const { tone, headline, detail, busy, action } = joinView(state);
  const running = state.phase === 'running';
  const awake = useWakeLock(running);

  return (
    <div data-testid="join-device" data-state={headline} className="mt-6 flex flex-col gap-4">
      <section aria-label="State" className="rounded-xl border bg-surface shadow-card">
        <div role="status" className="px-4 pt-4 pb-3">
          <p
            className={cn(
              'flex items-center gap-3 text-2xl leading-8 font-semibold tracking-[-0.02em]',
              HEADLINES[tone],
            )}
          >
            <StatusDot tone={tone} pulse={busy} className="size-3" />
            {headline}
          </p>
          <p className="mt-1 text-ink-soft">{detail}</p>
          {action !== null && (
            <Button variant="primary" size="large" className="mt-3" onClick={() => onAction(action.kind)}>
              {action.label}
            </Button>
          )}
        </div>
        <dl className="grid grid-cols-2 border-t">
          {joinMeasures(state).map(({ id, label, value, hint }) => (
            <div key={id} className="min-w-0 border-b px-4 py-3 odd:border-r nth-last-[-n+2]:border-b-0">
              <dt className="text-xs text-ink-faint">{label}</dt>
              <dd className="text-lg font-semibold" data-testid={`join-${id}`}>
                {value}
              </dd>
              {hint !== undefined && <dd className="text-xs text-ink-faint">{hint}</dd>}
            </div>
          ))}
        </dl>
      </section>
      {running && <DeviceNotes memoryOnly={state.report?.storage === 'memory'} awake={awake} />}
      <Button variant="danger" size="large" className="h-11" onClick={onLeave}>
        <LogOut />
        Leave the fleet
      </Button>
      <p className="text-center text-xs text-ink-faint">
        Closing this tab is a kill: the fleet goes on without it at once.
      </p>
    </div>
  );
}
