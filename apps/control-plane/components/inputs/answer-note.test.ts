import { expect, test } from 'vitest';
import { deployment, seat } from '../testing/view-fixtures.ts';
import { describeAnswer, hasFailedSeat } from './answer-note.tsx';

test('a healthy fleet only outruns slow devices; a missing device is recovered', () => {
  const answer = { recovered: 3, rescued: 0 };
  expect(describeAnswer(answer, false)).toBe('This answer did not wait for 3 shards of slow devices');
  expect(describeAnswer(answer, true)).toBe('3 shards of this answer recovered from parity');
  expect(describeAnswer({ recovered: 0, rescued: 1 }, true)).toContain(
    '1 shard of this answer computed by the data plane',
  );
  expect(describeAnswer({ recovered: 0, rescued: 0 }, false)).toBe('All data shards answered');
});

test('a device is missing while its seat is down', () => {
  const healthy = deployment(2, 1);
  expect(hasFailedSeat(healthy)).toBe(false);
  const seats = [seat(0, 'data', 'd1', { state: 'down' }), ...healthy.progress.seats.slice(1)];
  expect(hasFailedSeat({ progress: { ...healthy.progress, seats } })).toBe(true);
});
