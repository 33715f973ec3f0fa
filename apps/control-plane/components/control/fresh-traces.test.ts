import { describe, expect, it } from 'vitest';
import { codedTrace } from '../testing/view-fixtures.ts';
import { type Boundary, changeKeys, freshTraces, moveBoundary } from './fresh-traces.ts';

const traces = (...requests: number[]) => requests.map((request) => codedTrace([4, 30, 6], request));
const START: Boundary = { key: 1, after: null, seen: [] };

describe('fresh traces', () => {
  it('are those after the first poll that follows a change', () => {
    const before = traces(3, 2, 1);
    let boundary = moveBoundary(START, 1, before);
    expect(freshTraces(boundary, before)).toEqual([]);
    const later = traces(6, 5, 4, 3);
    boundary = moveBoundary(boundary, 1, later);
    expect(freshTraces(boundary, later).map(({ request }) => request)).toEqual([6, 5, 4]);
    boundary = moveBoundary(boundary, 2, later);
    expect(freshTraces(boundary, later)).toEqual([]);
    // Requests 7 and 8 may have begun before the change: this poll only sets the boundary.
    const next = traces(8, 7, 6);
    boundary = moveBoundary(boundary, 2, next);
    expect(freshTraces(boundary, next)).toEqual([]);
    const last = traces(9, 8);
    boundary = moveBoundary(boundary, 2, last);
    expect(freshTraces(boundary, last).map(({ request }) => request)).toEqual([9]);
  });

  it('start over when the data plane restarts and counts from another number', () => {
    let boundary = moveBoundary(START, 1, traces(900));
    boundary = moveBoundary(boundary, 1, traces(12, 11));
    expect(freshTraces(boundary, traces(13, 12)).map(({ request }) => request)).toEqual([13]);
  });

  it('of arrivals survive a change of the policy, which changes no arrival time', () => {
    const change = (id: number, cause: 'policy' | 'fault') => ({ id, at: '', cause, text: '' });
    expect(changeKeys({ changes: [change(9, 'policy'), change(7, 'fault')] })).toEqual({
      any: 9,
      ofArrivals: 7,
    });
    expect(changeKeys(undefined)).toEqual({ any: undefined, ofArrivals: undefined });
  });
});
