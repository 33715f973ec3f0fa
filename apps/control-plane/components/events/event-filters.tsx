'use client';
import { useLive } from '../live-connection/live-queries.ts';
import { Field, Input, Select } from '../ui/field.tsx';
import type { EventFilter } from './event-filter.ts';

/** Filters events by level, device, deployment and text. */
export function EventFilters({
  filter,
  onChange,
}: {
  filter: EventFilter;
  onChange: (filter: EventFilter) => void;
}) {
  const devices = useLive('devices', (all) => all.map(({ id, name }) => ({ id, name })));
  const deployments = useLive('deployments', (all) => all.map(({ name }) => name));
  // The address may name a deleted device or deployment. Its events remain.
  const deviceKnown = filter.device === '' || devices.some(({ id }) => id === filter.device);
  const deploymentKnown = filter.deployment === '' || deployments.includes(filter.deployment);
  return (
    <search className="grid grid-cols-2 gap-3 border-t p-4 lg:grid-cols-[9rem_12rem_12rem_minmax(0,1fr)]">
      <Field label="Level">
        {(ids) => (
          <Select
            {...ids}
            value={filter.level}
            onChange={(event) => onChange({ ...filter, level: event.target.value as EventFilter['level'] })}
          >
            <option value="">any</option>
            <option value="info">info</option>
            <option value="warning">warning</option>
            <option value="error">error</option>
          </Select>
        )}
      </Field>
      <Field label="Device">
        {(ids) => (
          <Select
            {...ids}
            value={filter.device}
            onChange={(event) => onChange({ ...filter, device: event.target.value })}
          >
            <option value="">any</option>
            {!deviceKnown && <option value={filter.device}>{filter.device}</option>}
            {devices.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Deployment">
        {(ids) => (
          <Select
            {...ids}
            value={filter.deployment}
            onChange={(event) => onChange({ ...filter, deployment: event.target.value })}
          >
            <option value="">any</option>
            {!deploymentKnown && <option value={filter.deployment}>{filter.deployment}</option>}
            {deployments.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Text">
        {(ids) => (
          <Input
            {...ids}
            type="search"
            value={filter.text}
            onChange={(event) => onChange({ ...filter, text: event.target.value })}
          />
        )}
      </Field>
    </search>
  );
}
