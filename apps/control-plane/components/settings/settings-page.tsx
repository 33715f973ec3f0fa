'use client';
import { type ReactNode, useSyncExternalStore } from 'react';
import { JoinCommand } from '../join/join-command.tsx';
import { dataPlaneUrl } from '../join/join-command-view.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { CopyButton } from '../shell/copy-button.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Card } from '../ui/card.tsx';
import { LocalTime } from '../ui/local-time.tsx';
import { ThemeChoice } from './theme-choice.tsx';

const TOKENS = [
  { name: 'Operator', what: 'this dashboard and all of /api', variable: 'SPAREWHEEL_OPERATOR_TOKEN' },
  { name: 'Join', what: 'devices', variable: 'SPAREWHEEL_JOIN_TOKEN' },
  { name: 'Infer', what: 'inference', variable: 'SPAREWHEEL_INFER_TOKEN' },
];

const never = () => () => {};

/** Addresses, tokens, how to join: what one looks up. What can be set is set at the start, by the environment. */
export function SettingsPage() {
  const loaded = useLive((state) => state.loaded);
  const inferenceUrl = useLive((state) => state.inferenceUrl);
  const startedAt = useLive((state) => state.startedAt);
  const origin = useSyncExternalStore(
    never,
    () => window.location.origin,
    // The server does not know by which scheme the browser came.
    () => '',
  );
  if (!loaded) return <LoadingPage />;

  return (
    <div className="flex flex-col gap-4">
      <PageHeading title="Settings" hint="What this control plane was started with, and how it looks here." />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Addresses">
          <dl className="flex flex-col gap-3 border-t p-4 text-[0.8125rem]">
            <Address label="Inference, Open Inference Protocol v2" address={inferenceUrl} />
            <Address label="Where devices connect" address={dataPlaneUrl(inferenceUrl)} />
            <Address label="Admin API" address={`${origin}/api`} />
            <Address label="Metrics, for Prometheus" address={`${origin}/api/metrics`} />
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
            {TOKENS.map(({ name, what, variable }) => (
              <li key={name} className="border-b px-4 py-2.5">
                <span className="font-medium">{name}</span>{' '}
                <span className="text-ink-soft">opens {what}</span>
                <code className="block font-mono text-xs break-all text-ink-faint">{variable}</code>
              </li>
            ))}
          </ul>
          <p className="p-4 text-xs text-ink-soft">
            Set by these environment variables; those that are not set were made at random at the first start
            and are kept in <Code>tokens.json</Code> in Sparewheel’s home. No page shows them.
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
        <code className="min-w-0 font-mono break-all">{address}</code>
        <CopyButton text={address} what={`the address: ${label}`} />
      </dd>
    </div>
  );
}

function Code({ children }: { children: ReactNode }) {
  return <code className="font-mono text-ink">{children}</code>;
}
