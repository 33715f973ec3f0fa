import { describe, expect, it } from 'vitest';
import { fleetRows } from '../fleet/fleet-view.ts';
import { deployment, device } from '../testing/view-fixtures.ts';
import { tourSteps, undoTour } from './tour-steps.ts';

const rowsOf = (r: number, dead: readonly string[] = []) =>
  fleetRows(
    ['d1', 'd2', 'd3', 'd4', 'p1'].map((name) =>
      device(name, { state: dead.includes(name) ? 'dead' : 'ready' }),
    ),
    deployment(4, r),
    new Map(),
  );
const kinds = (steps: ReturnType<typeof tourSteps>) => steps?.flatMap((step) => step.action?.kind ?? []);

describe('the tour', () => {
  it('kills one data device under load and undoes everything', () => {
    const steps = tourSteps(deployment(4, 1), rowsOf(1));
    expect(kinds(steps)).toEqual(['start-load', 'kill', 'revive', 'stop-load']);
    expect(steps?.[2]?.caption).toContain('d4 is killed');
    expect(steps?.[0]?.caption).toContain('p1 (amber)');
  });

  it('is not offered without recovery from a kill', () => {
    expect(tourSteps(deployment(4, 0), rowsOf(0))).toBeNull();
    expect(tourSteps(deployment(4, 1), rowsOf(1, ['p1']))).toBeNull();
  });

  it('undoes exactly its own actions when it is left early', () => {
    const steps = tourSteps(deployment(4, 1), rowsOf(1)) ?? [];
    expect(undoTour(steps, 0)).toEqual([]);
    expect(undoTour(steps, 1).map((action) => action.kind)).toEqual(['stop-load']);
    expect(undoTour(steps, 3).map((action) => action.kind)).toEqual(['revive', 'stop-load']);
    expect(undoTour(steps, steps.length - 1)).toEqual([]);
  });
});
