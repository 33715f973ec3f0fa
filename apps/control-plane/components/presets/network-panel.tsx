'use client';
import {
  type DeploymentView,
  NETWORK_PRESET_TEXTS,
  NETWORK_PRESETS,
  type NetworkPreset,
} from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { askApi } from '../live-connection/api-client.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Card } from '../ui/card.tsx';
import { cn } from '../ui/class-names.ts';
import { presetExceptions, presetReach } from './preset-view.ts';

/** Puts the devices of a deployment into an emulated network with one click, and back. */
export function NetworkPanel({ deployment }: { deployment: DeploymentView }) {
  const { name } = deployment;
  const choose = useMutation({
    mutationFn: (preset: NetworkPreset) =>
      askApi('PUT', `/api/deployments/${encodeURIComponent(name)}/network`, { preset }),
  });
  const active = deployment.network?.preset ?? 'off';
  const shown = choose.isPending ? choose.variables : active;
  const exceptions = presetExceptions(deployment);
  const reach = presetReach(deployment);
  if (deployment.progress.seats.length === 0) return null;

  return (
    <Card title="Network" hint="emulated on the devices">
      <div className="flex flex-col gap-3 border-t p-4">
        <fieldset className="grid grid-cols-2 gap-2 sm:grid-cols-3">
          <legend className="sr-only">Emulated network</legend>
          {NETWORK_PRESETS.map((preset) => (
            <button
              key={preset}
              type="button"
              aria-pressed={preset === shown}
              data-testid={`preset-${preset}`}
              disabled={choose.isPending}
              title={NETWORK_PRESET_TEXTS[preset].description}
              onClick={() => choose.mutate(preset)}
              className={cn(
                'h-9 rounded-lg border px-2 text-xs font-medium whitespace-nowrap transition-colors disabled:opacity-60',
                preset === shown
                  ? 'border-ink bg-selected text-ink shadow-card'
                  : 'text-ink-soft hover:border-line-strong hover:text-ink',
              )}
            >
              {NETWORK_PRESET_TEXTS[preset].label}
            </button>
          ))}
        </fieldset>
        <div className="text-xs text-ink-soft" role="status" data-testid="preset-status">
          <p>
            {NETWORK_PRESET_TEXTS[shown].description} {reach}
          </p>
          {exceptions.length > 0 && (
            <ul className="mt-1 flex flex-col gap-0.5 text-warning-ink">
              {exceptions.map(({ device, text }) => (
                <li key={device}>{text}</li>
              ))}
            </ul>
          )}
        </div>
        <ErrorNotice error={choose.error} />
      </div>
    </Card>
  );
}
