import { describe, expect, it } from 'vitest';
import { dataPlaneUrl, joinCommand } from '../join/join-command-view.ts';
import { deployment, device } from '../testing/view-fixtures.ts';
import { fleetRows } from './fleet-view.ts';
import { fleetWheel, wheelRows } from './wheel.ts';

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
  it('marks data by shard number, parity by the sum sign, standby devices apart', () => {
    expect(wheelOf([]).nodes.map((node) => node.mark)).toEqual(['0', '1', '2', '3', 'Σ4', 'S']);
  });

  it('draws the parity carrying a dead device’s share, and nothing where none is missing', () => {
    expect(wheelOf([]).carries).toEqual([]);
    expect(wheelOf(['d2']).carries.map((carry) => carry.id)).toEqual(['id-p1 id-d2']);
    expect(wheelOf(['d2', 'd3']).carries).toEqual([]);
  });

  it('keeps a hundred devices apart and inside', () => {
    const many = Array.from({ length: 100 }, (_, index) => device(`x${index}`));
    const { nodes } = fleetWheel(fleetRows(many, null, new Map()));
    const [first, second] = [nodes[0]!, nodes[1]!];
    expect(Math.hypot(first.x - second.x, first.y - second.y)).toBeGreaterThan(2 * first.radius);
    for (const { x, y, radius } of nodes) expect(Math.hypot(x, y) + radius).toBeLessThan(1);
  });

  it('has only the seated ones of a large fleet on its rim, and says how many others there are', () => {
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

describe('the join command', () => {
  it('names the data plane’s origin', () => {
    expect(dataPlaneUrl('http://127.0.0.1:3001/v2')).toBe('http://127.0.0.1:3001');
    expect(joinCommand('http://10.0.0.2:3001', { name: '', count: 4 })).toBe(
      'npm run agent -- --url http://10.0.0.2:3001 --token JOIN_TOKEN --count 4',
    );
  });

  it('has a name that agents take and no shell changes, whatever was typed', () => {
    const nameIn = (name: string) =>
      joinCommand('http://h:1', { name, count: 1 }, 'T').replace(
        'npm run agent -- --url http://h:1 --token T',
        '',
      );
    expect(nameIn('kitchen pi')).toBe(' --name kitchen-pi');
    expect(nameIn(" $(reboot); 'Küche' ")).toBe(' --name reboot-K-che');
    expect(nameIn('-')).toBe('');
    expect(nameIn('x'.repeat(200))).toBe(` --name ${'x'.repeat(90)}`);
  });
});
