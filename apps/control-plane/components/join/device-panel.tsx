'use client';
import type { TabDevice, TabDeviceState } from '@sparewheel/device/browser';
import { LogOut } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { Notice } from '../ui/notice.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { AnswerTrace } from './answer-trace.tsx';
import { type JoinAction, joinMeasures, joinView, SLEEP_SHOWN_MS, sleepNote } from './join-page-view.ts';
import { JoinedShards } from './joined-shards.tsx';
import { KillMe } from './kill-me.tsx';
import { useWakeLock } from './use-wake-lock.ts';

const HEADLINES = {
  ok: 'text-ok-ink',
  warning: 'text-warning-ink',
  danger: 'text-danger-ink',
  muted: 'text-ink',
};

/** The device in this tab: its state, its shard, each answer, its measurements, and buttons to end it. */
export function DevicePanel({
  device,
  token,
  onAction,
  onLeave,
}: {
  device: TabDevice;
  token: string;
  onAction: (action: JoinAction) => void;
  onLeave: () => void;
}) {
  const state = useSyncExternalStore(device.subscribe, device.getState, device.getState);
  const { tone, headline, detail, busy, action } = joinView(state);
  const running = state.phase === 'running';
  const awake = useWakeLock(running);
  const slept = useSleepNote(state);

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
        <AnswerTrace report={running ? state.report : null} answers={state.report?.answers ?? 0} />
        {running && (
          <JoinedShards device={device.settings.identity.id} token={token} tasks={state.report?.tasks ?? 0} />
        )}
        <dl className="grid grid-cols-3 border-t">
          {joinMeasures(state).map(({ id, label, value, hint }) => (
            <div key={id} className="min-w-0 border-r px-3 py-2 last:border-r-0">
              <dt className="text-xs text-ink-faint">{label}</dt>
              <dd className="text-base font-semibold" data-testid={`join-${id}`}>
                {value}
              </dd>
              {hint !== undefined && <dd className="text-xs text-ink-faint">{hint}</dd>}
            </div>
          ))}
        </dl>
      </section>
      {slept !== null && (
        <div role="status" data-testid="join-slept">
          <Notice title="Back from sleep">{slept}</Notice>
        </div>
      )}
      {running && <KillMe name={device.settings.name} onKill={() => device.kill()} />}
      <p className="text-center text-xs text-ink-faint">
        Closing this tab also ends the device. The fleet continues without it.
      </p>
      {running && <DeviceNotes memoryOnly={state.report?.storage === 'memory'} awake={awake} />}
      <Button size="large" onClick={onLeave}>
        <LogOut />
        Leave the fleet
      </Button>
    </div>
  );
}

/** Returns the note about a sleep for as long as it is news. */
function useSleepNote(state: TabDeviceState): string | null {
  const [now, setNow] = useState(Date.now);
  const endedAt = state.report?.slept?.endedAt;
  useEffect(() => {
    if (endedAt === undefined) return;
    setNow(endedAt);
    const timer = setTimeout(() => setNow(Date.now()), SLEEP_SHOWN_MS + 1_000);
    return () => clearTimeout(timer);
  }, [endedAt]);
  return sleepNote(state, now);
}

/** Notes about functions that this browser does not offer to the page. */
function DeviceNotes({ memoryOnly, awake }: { memoryOnly: boolean; awake: boolean }) {
  const secure = typeof window === 'undefined' || window.isSecureContext;
  return (
    <>
      {memoryOnly && (
        <Notice title="Shards are kept in memory only">
          {secure
            ? 'This browser gives the page no storage, as in some private windows.'
            : 'This page came over http, so the browser gives it no permanent storage.'}{' '}
          The device works normally, but receives its shards again after a reload.
        </Notice>
      )}
      {!awake && (
        <Notice>
          This browser does not keep the screen on for this page. A sleeping phone stops answering: keep it
          awake and keep this tab in front.
        </Notice>
      )}
    </>
  );
}
