import { once } from 'node:events';
import { expect, it } from 'vitest';
import { untilAborted } from './until-aborted.ts';

it('takes what the work gives, or the reason why nobody waits', async () => {
  const { signal } = new AbortController();
  await expect(untilAborted(signal, Promise.resolve(7))).resolves.toBe(7);
  await expect(untilAborted(signal, Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  const aborting = new AbortController();
  const waiting = untilAborted(aborting.signal, new Promise(() => {}));
  aborting.abort(new Error('called off'));
  await expect(waiting).rejects.toThrow('called off');
  await expect(untilAborted(aborting.signal, new Promise(() => {}))).rejects.toThrow('called off');
});

it('lets many wait on one signal without a warning of a leak', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on('warning', hear);
  try {
    const control = new AbortController();
    const all = Array.from({ length: 40 }, () => untilAborted(control.signal, new Promise(() => {})));
    // Warnings come with the next tick; this one comes last.
    const last = once(process, 'warning');
    process.emitWarning('the last one');
    await last;
    control.abort(new Error('over'));
    await Promise.allSettled(all);
  } finally {
    process.off('warning', hear);
  }
  expect(warnings.map(({ message }) => message)).toEqual(['the last one']);
});
