'use client';
import { memo, useState } from 'react';
import { useDeviceActions } from '../fleet/use-device-actions.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { Card } from '../ui/card.tsx';
import { Field, Select } from '../ui/field.tsx';
import { ActiveFaults } from './active-faults.tsx';
import { FaultForm } from './fault-form.tsx';

/** Injects any fault with any parameters into any device, and undoes it. */
export function FaultsPanel() {
  const devices = useLive('devices');
  const options = useLive('devices', (all) =>
    all.map(({ id, name, roles }) => ({ id, text: `${name} (${roles.join(', ')})` })),
  );
  const { problems } = useDeviceActions(devices);
  const [chosen, setChosen] = useState<string | null>(null);
  const device = devices.find(({ id }) => id === chosen) ?? devices[0];
  if (device === undefined) return null;
  const problem = problems.get(device.id);

  return (
    <Card title="Faults" hint="with your own parameters">
      <div className="flex flex-col gap-3 border-t p-4">
        <Field label="Device">
          {(ids) => (
            <Select {...ids} value={device.id} onChange={(event) => setChosen(event.target.value)}>
              <Options options={options} />
            </Select>
          )}
        </Field>
        <FaultForm device={device} />
        {problem !== undefined && (
          <p role="alert" className="text-xs text-danger-ink">
            {problem}
          </p>
        )}
      </div>
      <div className="border-t p-4">
        <h3 className="mb-2 text-xs font-medium text-ink-soft">Active faults</h3>
        <ActiveFaults devices={devices} />
      </div>
    </Card>
  );
}

/** Devices report new numbers several times a second; the options of a large fleet must not render each time. */
const Options = memo(({ options }: { options: readonly { readonly id: string; readonly text: string }[] }) =>
  options.map(({ id, text }) => (
    <option key={id} value={id}>
      {text}
    </option>
  )),
);
