import { describe, expect, it } from 'vitest';
import { deployment, device } from '../testing/view-fixtures.ts';
import { fleetRows } from './fleet-view.ts';
import { fleetWheel, NAMED, wheelRows } from './wheel.ts';

const wheelOf = (dead: readonly string[]) =>
  fleetWheel(
    fleetRows(
      ['d1', 'd2', 'd3', 'd4', 'p1', 's1'].map((name) =>
        device(name, { state: dead.includes(name) ? 'dead' : 'ready' }),
      ),
      deployment(4, 1),
      new Map(),
    ),
  );

describe('the fleet wheel', () => {
  it('marks data by shard number, parity by the sum sign, and standby by S', () => {
    expect(wheelOf([]).nodes.map((node) => node.mark)).toEqual(['0', '1', '2', '3', 'Σ4', 'S']);
  });

  it('draws a line from parity to a dead device, and none if the code cannot recover its shard', () => {
    expect(wheelOf([]).carries).toEqual([]);
    expect(wheelOf(['d2']).carries.map((carry) => carry.id)).toEqual(['id-p1 id-d2']);
    expect(wheelOf(['d2', 'd3']).carries).toEqual([]);
  });

  it('keeps a hundred devices apart and inside the view', () => {
    const many = Array.from({ length: 100 }, (_, index) => device(`x${index}`));
    const { nodes } = fleetWheel(fleetRows(many, null, new Map()));
    const [first, second] = [nodes[0]!, nodes[1]!];
    expect(Math.hypot(first.x - second.x, first.y - second.y)).toBeGreaterThan(2 * first.radius);
    for (const { x, y, radius } of nodes) expect(Math.hypot(x, y) + radius).toBeLessThan(1);
  });

  it('has room for each name up to the number of devices that it names', () => {
    for (let count = 2; count <= NAMED; count++) {
      const devices = Array.from({ length: count }, (_, index) => device(`phone-${index}`));
      const { nodes } = fleetWheel(fleetRows(devices, null, new Map()));
      // As the wheel draws them, in the same units: text of 0.09, below a node of the lower half and above the others.
      const names = nodes.map(({ x, y, radius }) => {
        const baseline = y > -0.05 ? y + radius + 0.11 : y - radius - 0.05;
        return { x, top: baseline - 0.07, bottom: baseline };
      });
      for (const [at, name] of names.entries()) {
        for (const [other, { x, y, radius }] of nodes.entries()) {
          const nearest = Math.min(Math.max(y, name.top), name.bottom);
          if (other !== at) expect(Math.hypot(x - name.x, y - nearest), `${count}`).toBeGreaterThan(radius);
        }
        for (const [other, { x, top, bottom }] of names.entries()) {
          // Eight characters are 0.42 wide.
          const apart = Math.abs(x - name.x) > 0.42 || top > name.bottom || bottom < name.top;
          if (other !== at) expect(apart, `${count} devices, names ${at} and ${other}`).toBe(true);
        }
      }
    }
  });

  it('shows only the devices with a seat of a large fleet, and counts the others', () => {
    const names = ['d1', 'd2', 'd3', 'd4', 'p1', ...Array.from({ length: 95 }, (_, index) => `x${index}`)];
    const large = fleetRows(
      names.map((name) => device(name)),
      deployment(4, 1),
      new Map(),
    );
    const { shown, others } = wheelRows(large);
    expect(shown.map(({ device: { name } }) => name)).toEqual(['d1', 'd2', 'd3', 'd4', 'p1']);
    expect(others).toBe(95);
    const idle = fleetRows(
      names.map((name) => device(name)),
      null,
      new Map(),
    );
    expect(wheelRows(idle)).toEqual({ shown: idle, others: 0 });
    expect(wheelRows(large.slice(0, 6)).others).toBe(0);
  });
});
