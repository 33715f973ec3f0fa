import { describe, expect, it } from 'vitest';
import { deployment, device, seat } from '../testing/view-fixtures.ts';
import { type FleetPlaces, NO_PLACES, nextPlaces, placed } from './fleet-places.ts';
import { fleetRows } from './fleet-view.ts';

const NAMES = ['d1', 'd2', 'p1', 's1', 's2'];
const healthy = deployment(2, 1);
/** Seat 0 has moved from d1 to s2. */
const healed = {
  ...healthy,
  progress: {
    ...healthy.progress,
    seats: healthy.progress.seats.map((old) => (old.seat === 0 ? seat(0, 'data', 's2') : old)),
  },
};
const rowsOf = (shown: typeof healthy | null, names = NAMES, dead: readonly string[] = []) =>
  fleetRows(
    names.map((name) => device(name, { state: dead.includes(name) ? 'dead' : 'ready' })),
    shown,
    new Map(),
  );
const orderOf = (places: FleetPlaces) => places.order.map((id) => id.slice('id-'.length));

describe('the places of the fleet', () => {
  const first = nextPlaces(NO_PLACES, rowsOf(healthy), 'lenet5', false);

  it('follow the seats, then the names', () => {
    expect(orderOf(first)).toEqual(NAMES);
    expect(placed(rowsOf(healthy).reverse(), first).map((row) => row.device.name)).toEqual(NAMES);
  });

  it('stay the same after a kill, a takeover and the return of the device', () => {
    const killed = nextPlaces(first, rowsOf(healthy, NAMES, ['d1']), 'lenet5', false);
    expect(killed).toBe(first);
    const takenOver = nextPlaces(killed, rowsOf(healed, NAMES, ['d1']), 'lenet5', false);
    expect(takenOver).toBe(first);
    expect(nextPlaces(takenOver, rowsOf(healed), 'lenet5', false)).toBe(first);
  });

  it('do not depend on the order in which devices are reported', () => {
    const reversed = nextPlaces(NO_PLACES, rowsOf(healthy).reverse(), 'lenet5', false);
    expect(orderOf(reversed)).toEqual(NAMES);
    const twins = fleetRows([device('x', { id: 'b' }), device('x', { id: 'a' })], null, new Map());
    expect(nextPlaces(NO_PLACES, twins, null, false).order).toEqual(['a', 'b']);
  });

  it('put a new device last while the pointer is in the list, and by name afterwards', () => {
    const more = [...NAMES, 's0'];
    const held = nextPlaces(first, rowsOf(healthy, more), 'lenet5', true);
    expect(orderOf(held)).toEqual([...NAMES, 's0']);
    const left = nextPlaces(held, rowsOf(healthy, more), 'lenet5', false);
    expect(orderOf(left)).toEqual(['d1', 'd2', 'p1', 's0', 's1', 's2']);
  });

  it('begin again with another deployment', () => {
    const other = { ...healed, name: 'other' };
    expect(orderOf(nextPlaces(first, rowsOf(other), 'other', true))).toEqual(['s2', 'd2', 'p1', 'd1', 's1']);
  });

  it('forget a device that has left the fleet', () => {
    const rest = NAMES.filter((name) => name !== 'd1');
    const places = nextPlaces(first, rowsOf(healed, rest), 'lenet5', false);
    expect(orderOf(places)).toEqual(['s2', 'd2', 'p1', 's1']);
  });
});
