'use client';
import { useMemo, useState } from 'react';
import { useDeviceActions } from '../fleet/use-device-actions.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Select } from '../ui/field.tsx';
import { FaultForm } from './fault-form.tsx';
import { StandingFaults } from './standing-faults.tsx';

/** Any fault with any parameters on any device, and a way back from each. */
export function FaultsPanel() {
  const devices = useLive((state) => state.devices);
  const actions = useDeviceActions(devices);
  const [chosen, setChosen] = useState<string | null>(null);
  // A fleet's numbers change all the time, its names seldom.
  const names = JSON.stringify(devices.map(({ id, name, roles }) => [id, `${name} (${roles.join(', ')})`]));
  const options = useMemo(
    () =>
      (JSON.parse(names) as [string, string][]).map(([id, text]) => (
        <option key={id} value={id}>
          {text}
        </option>
      )),
    [names],
  );
  const device = devices.find(({ id }) => id === chosen) ?? devices[0];
  if (device === undefined) return null;
  const problem = actions.problems.get(device.id);

  return (
    <Card title="Faults" hint="with parameters of your own" style={{ gridArea: 'faults' }}>
      <div className="flex flex-col gap-3 border-t p-4">
        <Field label="Device">
          {(ids) => (
            <Select {...ids} value={device.id} onChange={(event) => setChosen(event.target.value)}>
              {options}
            </Select>
          )}
        </Field>
        <FaultForm device={device} actions={actions} />
        {problem !== undefined && (
          <p role="alert" className="text-xs text-danger-ink">
            {problem}
          </p>
        )}
      </div>
      <div className="border-t p-4">
        <h3 className="mb-2 text-xs font-medium text-ink-soft">Standing now</h3>
        <StandingFaults devices={devices} actions={actions} />
      </div>
    </Card>
  );
}
