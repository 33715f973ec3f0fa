import { once } from 'node:events';
import { expect, it } from 'vitest';
import { untilAborted } from './until-aborted.ts';

it('settles like the work, or rejects with the reason of the abort', async () => {
  const { signal } = new AbortController();
  await expect(untilAborted(signal, Promise.resolve(7))).resolves.toBe(7);
  await expect(untilAborted(signal, Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  const aborting = new AbortController();
  const waiting = untilAborted(aborting.signal, new Promise(() => {}));
  aborting.abort(new Error('canceled'));
  await expect(waiting).rejects.toThrow('canceled');
  await expect(untilAborted(aborting.signal, new Promise(() => {}))).rejects.toThrow('canceled');
});

it('allows many waiters on one signal without a leak warning', async () => {
  const warnings: Error[] = [];
  const record = (warning: Error) => warnings.push(warning);
  process.on('warning', record);
  try {
    const control = new AbortController();
    const all = Array.from({ length: 40 }, () => untilAborted(control.signal, new Promise(() => {})));
    // Warnings are emitted in the next tick; this one is the last.
    const last = once(process, 'warning');
    process.emitWarning('the last one');
    await last;
    control.abort(new Error('over'));
    await Promise.allSettled(all);
  } finally {
    process.off('warning', record);
  }
  expect(warnings.map(({ message }) => message)).toEqual(['the last one']);
});
