import { describe, expect, it } from 'vitest';
import { device } from '../testing/view-fixtures.ts';
import { wrongAnswerLines } from './wrong-answers-view.ts';

const wrong = { at: '2026-01-01T00:00:00Z', request: 7, steps: ['s1'], devices: ['id-a'], given: true };

describe('a wrong answer', () => {
  it('has its request, its device, and what it caused', () => {
    expect(wrongAnswerLines([wrong], [device('a', { state: 'quarantined' })])).toEqual([
      {
        request: 7,
        at: wrong.at,
        given: true,
        what: 'Request 7: the caller got a wrong answer.',
        from: 'From a, quarantined.',
      },
    ]);
    const [found] = wrongAnswerLines([{ ...wrong, given: false }], [device('a')]);
    expect(found).toMatchObject({
      what: 'Request 7: found in time, the caller got a right answer.',
      from: 'From a, not quarantined.',
    });
  });

  it('may have no known device', () => {
    expect(wrongAnswerLines([{ ...wrong, devices: [] }], [])[0]!.from).toBe('Its device was not identified.');
    expect(wrongAnswerLines([wrong], [])[0]!.from).toBe('From id-a, forgotten.');
  });
});
