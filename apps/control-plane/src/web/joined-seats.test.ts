import type { DeploymentView, SeatView } from '@sparewheel/protocol';
import { expect, it } from 'vitest';
import { smallPlan } from '../testing/records.ts';
import { seatsOf } from './joined-seats.ts';

const seat = (number: number, role: SeatView['role'], device: string): SeatView => ({
  seat: number,
  role,
  device,
  deviceName: device,
  state: 'ready',
  sentBytes: 0,
  totalBytes: 0,
});
const deployment = (...seats: SeatView[]) =>
  ({ name: 'digits', progress: { fraction: 1, phase: 'done', seats } }) as unknown as DeploymentView;
const three = deployment(seat(0, 'data', 'a'), seat(1, 'data', 'b'), seat(2, 'parity', 'c'));
const of = (device: string, deployments = [three]) => seatsOf(device, deployments, () => smallPlan);

it('names the rows of a data seat, and the sum of a parity seat', () => {
  expect(of('b')).toEqual([
    {
      deployment: 'digits',
      seat: 1,
      role: 'data',
      layers: [{ layer: 'fc', rows: { from: 5, to: 10 }, of: 10, kind: 'rows' }],
    },
  ]);
  expect(of('c')[0]?.layers).toEqual([{ layer: 'fc', rows: null, of: 10, kind: 'sum' }]);
});

it('has nothing for a standby, and for seats of another plan', () => {
  expect(of('d')).toEqual([]);
  expect(of('a', [deployment(seat(0, 'data', 'a'))])).toEqual([]);
});
