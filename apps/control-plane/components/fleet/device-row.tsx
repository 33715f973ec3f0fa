'use client';
import { faultWords } from '@sparewheel/protocol';
import Link from 'next/link';
import { memo } from 'react';
import { RoleBadge } from '../ui/badge.tsx';
import { cn } from '../ui/class-names.ts';
import { bytesColumn, type ColumnFormat, formatIn, msColumn } from '../ui/format.ts';
import { Progress } from '../ui/progress.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { DeviceButtons } from './device-buttons.tsx';
import { endReason, type FleetRow, sameRow } from './fleet-view.ts';

interface DeviceRowProps {
  readonly row: FleetRow;
  /** The error of the last action on the device. */
  readonly problem: string | undefined;
  readonly columns: RowColumns;
  /** Leaves the measurements out where they do not fit into the line. */
  readonly compact?: boolean;
}

/** The formats of the measurements: the same in every row. */
export interface RowColumns {
  readonly memory: ColumnFormat;
  readonly roundTrip: ColumnFormat;
  readonly arrival: ColumnFormat;
}

/** One device: name, state, measurements and actions. Renders only when its row changes. */
export const DeviceRow = memo(
  Row,
  (a, b) => a.problem === b.problem && sameRow(a.row, b.row) && sameColumns(a.columns, b.columns),
);

/** Returns the formats that fit the measurements of all rows. */
export function rowColumns(rows: readonly FleetRow[]): RowColumns {
  const of = (value: (device: FleetRow['device']) => number | null) =>
    rows.map(({ device }) => value(device));
  return {
    memory: bytesColumn(of(({ memory }) => memory.rssBytes)),
    roundTrip: msColumn(of(({ roundTripMs }) => roundTripMs)),
    arrival: msColumn(of(({ arrivalMs }) => arrivalMs)),
  };
}

function sameColumns(a: RowColumns, b: RowColumns): boolean {
  return (['memory', 'roundTrip', 'arrival'] as const).every(
    (column) => a[column].digits === b[column].digits && a[column].unit === b[column].unit,
  );
}

function Row({ row, problem, columns, compact = false }: DeviceRowProps) {
  const { device } = row;
  return (
    <li
      data-testid={`device-${device.name}`}
      data-state={device.state}
      data-role={row.role}
      className={cn(
        '@container relative border-t transition-colors [contain-intrinsic-size:auto_3.75rem] [content-visibility:auto]',
        row.tone === 'danger' && 'bg-danger-wash/40',
      )}
    >
      <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1.5 px-4 py-2 @xl:grid-cols-[minmax(0,1fr)_auto_auto]">
        <div className="min-w-0">
          <div className="flex items-center gap-2">
            <StatusDot tone={row.tone} pulse={row.pending !== null} />
            <Link
              href={`/devices/${encodeURIComponent(device.id)}`}
              className="truncate rounded-sm font-medium underline-offset-4 hover:underline"
            >
              {device.name}
            </Link>
            <RoleBadge role={row.role}>{row.roleLabel}</RoleBadge>
          </div>
          <DeviceState row={row} problem={problem} />
        </div>
        <Measures row={row} columns={columns} compact={compact} />
        <DeviceButtons row={row} />
      </div>
      {row.installing !== null && (
        // Over the row: a row of another height would move the buttons below it.
        <Progress
          label={`Shard of ${device.name}`}
          value={row.installing}
          className="absolute inset-x-4 bottom-0.5"
        />
      )}
    </li>
  );
}

/** One or two lines, whatever they say: the height of a row never changes. The title has the whole text. */
function DeviceState({ row, problem }: Pick<DeviceRowProps, 'row' | 'problem'>) {
  const { device } = row;
  const reason = row.cover === null && row.missing ? endReason(device) : null;
  const faults = device.faults.map(faultWords);
  const title = [row.stateLabel, problem, row.cover, ...faults, reason].filter(Boolean).join(' · ');
  return (
    <p
      title={title}
      className="ml-4 line-clamp-2 h-8 text-xs leading-4 text-ink-faint @min-[24rem]:line-clamp-1 @min-[24rem]:h-4"
    >
      <span
        className={cn(
          row.tone === 'danger' && 'text-danger-ink',
          row.tone === 'warning' && 'text-warning-ink',
        )}
      >
        {row.stateLabel}
      </span>
      {problem !== undefined && (
        <>
          {' · '}
          <span role="alert" className="text-danger-ink">
            {problem}
          </span>
        </>
      )}
      {row.cover !== null && (
        <span className={cn('font-medium', row.waiting ? 'text-danger-ink' : 'text-parity-ink')}>
          {' '}
          · {row.cover}
        </span>
      )}
      {faults.length > 0 && <span className="text-warning-ink"> · {faults.join(', ')}</span>}
      {reason !== null && <span> · {reason}</span>}
    </p>
  );
}

function Measures({ row: { device, missing }, columns, compact = false }: Omit<DeviceRowProps, 'problem'>) {
  const measures = [
    {
      label: 'Memory',
      value: formatIn(
        columns.memory,
        missing && device.memory.rssBytes === 0 ? null : device.memory.rssBytes,
      ),
    },
    { label: 'Round trip', value: formatIn(columns.roundTrip, device.roundTripMs) },
    { label: 'Arrival', value: formatIn(columns.arrival, device.arrivalMs) },
    { label: 'In flight', value: String(device.inFlight) },
  ];
  return (
    <dl
      className={cn(
        'order-last col-span-full grid grid-cols-4 gap-x-2 pl-4 @xl:order-none @xl:col-span-1 @xl:grid-cols-[4rem_4rem_4rem_3rem] @xl:pl-0 @xl:text-right',
        compact && '@max-xl:hidden',
        missing && 'text-ink-faint',
      )}
    >
      {measures.map(({ label, value }) => (
        <div key={label} className="min-w-0">
          <dt className="truncate text-[0.6875rem] leading-4 text-ink-faint">{label}</dt>
          <dd className="truncate text-[0.8125rem] leading-5">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
