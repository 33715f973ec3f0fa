import { ContradictoryAnswersError } from '@sparewheel/coordinator';
import { expect, it } from 'vitest';
import { RequestErrorLog } from './request-error-log.ts';

it('logs the first error of a kind, and how many of them it left out since then', () => {
  let now = 0;
  const logged: unknown[] = [];
  const log = new RequestErrorLog(() => now, {
    error: ({ err, notLogged }) => logged.push([(err as Error).message, notLogged]),
  });
  const contradiction = new ContradictoryAnswersError('fc1');
  for (let request = 0; request < 530; request++) log.report(contradiction);
  log.report(new TypeError('a bug'));
  expect(logged).toEqual([
    [contradiction.message, undefined],
    ['a bug', undefined],
  ]);
  now = 10_000;
  log.report(contradiction);
  log.report(contradiction);
  expect(logged.at(-1)).toEqual([contradiction.message, 529]);
  now = 20_000;
  log.report(contradiction);
  expect(logged.at(-1)).toEqual([contradiction.message, 1]);
});
