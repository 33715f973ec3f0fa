'use client';
import { useTheme } from 'next-themes';
import type { ReactNode } from 'react';
import { JoinCommand } from '../join/join-command.tsx';
import { dataPlaneUrl } from '../join/join-command-view.ts';
import { useLive, useLoaded } from '../live-connection/live-queries.ts';
import { CopyButton } from '../shell/copy-button.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Card } from '../ui/card.tsx';
import { LocalTime } from '../ui/local-time.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { useFirstPaint } from '../ui/use-first-paint.ts';

const TOKENS = [
  { name: 'Operator', use: 'for this dashboard and /api', variable: 'SPAREWHEEL_OPERATOR_TOKEN' },
  { name: 'Join', use: 'for devices', variable: 'SPAREWHEEL_JOIN_TOKEN' },
  { name: 'Infer', use: 'for inference requests', variable: 'SPAREWHEEL_INFER_TOKEN' },
  { name: 'Metrics', use: 'for Prometheus, which reads /api/metrics', variable: 'SPAREWHEEL_METRICS_TOKEN' },
];

const GRPC = 'Inference over gRPC';

/** Addresses, tokens and the join command for reading. Environment variables set them at the start. */
export function SettingsPage() {
  const loaded = useLoaded();
  const inferenceUrl = useLive('inferenceUrl');
  const grpcAddress = useLive('grpcAddress');
  const startedAt = useLive('startedAt');
  const firstPaint = useFirstPaint();
  if (!loaded) return <LoadingPage />;
  // The server does not know the address that the browser uses.
  const origin = firstPaint ? '' : window.location.origin;

  return (
    <div className="flex flex-col gap-4">
      <PageHeading
        title="Settings"
        hint="The configuration of this control plane, and the theme of this browser."
      />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Addresses">
          <dl className="flex flex-col gap-3 border-t p-4 text-[0.8125rem]">
            <Address label="Inference (Open Inference Protocol v2)" address={inferenceUrl} />
            {grpcAddress === null ? (
              <div>
                <dt className="text-xs text-ink-faint">{GRPC}</dt>
                <dd>
                  Off. To use it, set <Code>GRPC_PORT</Code> to a free port and restart.
                </dd>
              </div>
            ) : (
              <Address label={GRPC} address={grpcAddress} />
            )}
            <Address label="Device connections" address={dataPlaneUrl(inferenceUrl)} />
            <Address label="Admin API" address={`${origin}/api`} />
            <Address label="Metrics for Prometheus" address={`${origin}/api/metrics`} />
            <div>
              <dt className="text-xs text-ink-faint">Running since</dt>
              <dd>
                <LocalTime at={startedAt} />
              </dd>
            </div>
          </dl>
        </Card>
        <Card title="Tokens">
          <ul className="border-t text-[0.8125rem]">
            {TOKENS.map(({ name, use, variable }) => (
              <li key={name} className="border-b px-4 py-2.5">
                <span className="font-medium">{name}</span> <span className="text-ink-soft">{use}</span>
                <code className="block font-mono text-xs [overflow-wrap:anywhere] text-ink-faint">
                  {variable}
                </code>
              </li>
            ))}
          </ul>
          <p className="p-4 text-xs text-ink-soft">
            These environment variables set the tokens. Without them, the first start created random tokens in{' '}
            <Code>tokens.json</Code> in Sparewheel’s home directory.
          </p>
        </Card>
        <Card title="Add a device">
          <JoinCommand className="border-t p-4" />
        </Card>
        <Card title="Appearance">
          <div className="border-t p-4">
            <ThemeChoice />
          </div>
        </Card>
      </div>
    </div>
  );
}

function Address({ label, address }: { label: string; address: string }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-ink-faint">{label}</dt>
      <dd className="flex items-center gap-1">
        <code className="min-w-0 font-mono [overflow-wrap:anywhere]">{address}</code>
        <CopyButton text={address} what={`the address: ${label}`} />
      </dd>
    </div>
  );
}

function Code({ children }: { children: ReactNode }) {
  return <code className="font-mono text-ink">{children}</code>;
}

const THEMES = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
  { value: 'system', label: 'System' },
] as const;

function ThemeChoice() {
  const { theme, setTheme } = useTheme();
  const firstPaint = useFirstPaint();
  const value = THEMES.find((choice) => !firstPaint && choice.value === theme)?.value ?? 'system';
  return <Segmented label="Theme" value={value} options={THEMES} onChange={setTheme} />;
}
