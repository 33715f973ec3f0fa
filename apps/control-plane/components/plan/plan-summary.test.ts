import { expect, test } from 'vitest';
import { coverageNote } from './plan-summary.tsx';

const drawing = (parity: number, kind: 'coded' | 'replicated') =>
  ({
    coverage: 1,
    seats: Array.from({ length: 4 + parity }, (_, at) => ({ role: at < 4 ? 'data' : 'parity' })),
    steps: [{ kind: 'local' }, { kind }],
  }) as unknown as Parameters<typeof coverageNote>[0];

test('the coverage says how many failures at once a coded plan survives', () => {
  expect(coverageNote(drawing(1, 'coded'))).toBe('of single failures survived');
  expect(coverageNote(drawing(2, 'coded'))).toBe('of single failures survived; any 2 at once, too');
  expect(coverageNote(drawing(2, 'replicated'))).toBe('of single failures survived');
  expect(coverageNote({ ...drawing(0, 'coded'), coverage: null, seats: [] })).toBe('no devices needed');
});
