import type { ArrivalsView, DeviceArrivalsView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { toCsv } from '../export/csv.ts';
import { device, percentiles } from '../testing/view-fixtures.ts';
import { arrivalsDrawing, arrivalsTable, outline } from './arrivals-view.ts';

function arrivals(name: string, change: Partial<DeviceArrivalsView> = {}): DeviceArrivalsView {
  return {
    device: `id-${name}`,
    roles: ['data'],
    asked: 10,
    answered: 8,
    calledOff: 1,
    dataSteps: 10,
    last: 2,
    notIn: 3,
    percentiles: percentiles(),
    counts: [0, 4, 4],
    ...change,
  };
}

function view(devices: readonly DeviceArrivalsView[], edges = [0, 1, 2]): ArrivalsView {
  return { deployment: 'lenet5', unit: 'ms', since: '2026-01-01T00:00:00Z', requests: 10, edges, devices };
}

const parity = (name: string) => arrivals(name, { roles: ['parity'], dataSteps: 0, last: 0, notIn: 0 });

describe('the arrivals of the devices', () => {
  it('are sorted by role and name, on one axis', () => {
    const drawing = arrivalsDrawing(
      view([parity('pi-1'), arrivals('pi-10'), arrivals('pi-2')]),
      ['pi-1', 'pi-10', 'pi-2'].map((name) => device(name)),
    );
    expect(drawing.rows.map(({ name }) => name)).toEqual(['pi-2', 'pi-10', 'pi-1']);
    expect([drawing.startMs, drawing.endMs]).toEqual([0, 2]);
    expect(drawing.rows[0]).toMatchObject({
      heights: [0, 1],
      beyondShare: 0.5,
      neverCame: 1,
      lastShare: 0.2,
      notInShare: 0.3,
    });
  });

  it('rank stragglers by missed results, then by last answers; parity is not ranked', () => {
    const { stragglers } = arrivalsDrawing(
      view([
        arrivals('a', { notIn: 1, last: 9 }),
        arrivals('b', { notIn: 5, last: 0 }),
        arrivals('c', { notIn: 1, last: 1 }),
        parity('p'),
      ]),
      ['a', 'b', 'c', 'p'].map((name) => device(name)),
    );
    expect(stragglers.map(({ name }) => name)).toEqual(['b', 'a', 'c']);
  });

  it('count answers before the start of the axis in the first bar', () => {
    const far = view([arrivals('a', { counts: [2, 2, 4, 0] })], [0, 40, 41, 42]);
    const { rows, startMs, endMs } = arrivalsDrawing(far, []);
    expect([startMs, endMs]).toEqual([40, 42]);
    expect(rows[0]).toMatchObject({ heights: [1, 1], beyondShare: 0, name: 'id-a' });
  });

  it('are outlined as steps that start and end at the baseline', () => {
    expect(outline([0.5, 1])).toBe('M0 1L0.0000 0.5000L0.5000 0.5000L0.5000 0.0000L1.0000 0.0000L1 1Z');
  });

  it('are saved as one line per device, with its bins', () => {
    const one = view([arrivals('a', { percentiles: percentiles({ p50: 4, p99: 9, max: 10, mean: 4.5 }) })]);
    expect(toCsv(arrivalsTable(one, arrivalsDrawing(one, [device('a')]))).split('\n')).toEqual([
      'device,role,asked,answered,canceled,never_came,coded_steps_as_data,last_to_answer,missed_the_result,p50_ms,p99_ms,max_ms,mean_ms,from_0_ms,from_1_ms,from_2_ms',
      'a,data,10,8,1,1,10,2,3,4,9,10,4.5,0,4,4',
      '',
    ]);
  });
});
