import { deviceView } from '@sparewheel/data-plane-client/testing';
import type { SeatSummary } from '@sparewheel/planner';
import { describe, expect, it } from 'vitest';
import { heldWeights } from './held-weights.ts';

const seat = (index: number, weightsBytes: number): SeatSummary => ({
  seat: index,
  role: 'data',
  weightsBytes,
  multiplyAdds: 0,
  bytesIn: 0,
  bytesOut: 0,
});
const device = (id: string, ...seats: readonly (readonly [deployment: string, seat: number])[]) => ({
  ...deviceView(id),
  seats: seats.map(([deployment, seat]) => ({ deployment, seat, role: 'data', state: 'ready' }) as const),
});
const deployment = (name: string, seats: readonly (string | null)[]) => ({
  name,
  plan: { seats: [seat(0, 100), seat(1, 30)] },
  seats,
});

describe('the weights that a device holds', () => {
  it('are those of its seats in all deployments, also after a takeover', () => {
    const devices = [device('a', ['one', 0], ['two', 1]), device('b', ['two', 0]), device('c', ['one', 1])];
    const deployments = [deployment('one', ['a', 'b']), deployment('two', [null, null])];
    expect([...heldWeights(devices, deployments, null)]).toEqual([
      ['a', 130],
      ['c', 30],
      ['b', 100],
    ]);
  });

  it('leave out the deployment that is planned again', () => {
    const devices = [device('a', ['one', 0], ['two', 1])];
    const deployments = [deployment('one', ['a', null]), deployment('two', [null, 'a'])];
    expect([...heldWeights(devices, deployments, 'one')]).toEqual([['a', 30]]);
  });

  it('include the chosen devices of a deployment that is still prepared', () => {
    expect([...heldWeights([device('a')], [deployment('one', ['a', null])], null)]).toEqual([['a', 100]]);
  });
});
