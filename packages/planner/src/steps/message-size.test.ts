import { describe, expect, it } from 'vitest';
import { createPlan } from '../planner.ts';
import { smallProfile } from '../testing/small-profile.ts';

const MILLION = 1_000_000;
/** Two linear layers; the width of the value between them decides whether it fits into a message of 64 MiB. */
const profile = (width: number, rows = 40) =>
  smallProfile(
    [
      { name: 'wide', inputs: ['x'], outputs: ['h'], rows, multiplyAdds: 1e9 },
      { name: 'narrow', inputs: ['h'], outputs: ['y'], rows, multiplyAdds: 1e9 },
    ],
    ['x'],
    ['y'],
    {},
    { h: width },
  );
const divide = (width: number, k: number, layers: 'all' | string[] = 'all') =>
  createPlan(profile(width), { k, r: 1, strategy: 'coded', layers });

describe('a tensor over the limit of one message', () => {
  it('leaves the layer that reads it undivided, with the reason', () => {
    const { decisions } = divide(20 * MILLION, 4);
    expect(decisions.map(({ layer, distributed }) => [layer, distributed])).toEqual([
      ['wide', true],
      ['narrow', false],
    ]);
    expect(decisions[1]!.reason).toContain('its input of 80.0 MB for one device exceeds the limit');
  });

  it('leaves a layer undivided whose answers exceed it, and divides it over more devices', () => {
    const [wide] = divide(80 * MILLION, 4).decisions;
    expect(wide).toMatchObject({ distributed: false });
    expect(wide!.reason).toContain('its answer of 80.0 MB');
    expect(divide(80 * MILLION, 8).decisions[0]).toMatchObject({ layer: 'wide', distributed: true });
  });

  it('is refused for a named layer', () => {
    expect(() => divide(20 * MILLION, 4, ['narrow'])).toThrow(/input of 80.0 MB for one device exceeds/);
  });

  it('is refused for a replica', () => {
    const replicate = () =>
      createPlan(profile(8), { k: 2, r: 1, strategy: 'replicated', layers: 'all' }).steps.length;
    expect(replicate()).toBeGreaterThan(0);
    expect(() =>
      createPlan(profile(20 * MILLION), { k: 2, r: 1, strategy: 'replicated', layers: 'all' }),
    ).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }));
  });
});
