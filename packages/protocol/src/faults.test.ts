import { expect, it } from 'vitest';
import { type DeviceFailure, faultSentence, isEmulated } from './faults.ts';

it.each([
  [{ kind: 'kill' }, 'pi-1 is killed'],
  [{ kind: 'pause' }, 'pi-1 is paused'],
  [{ kind: 'loss' }, 'pi-1 is lost'],
  [{ kind: 'quarantine' }, 'pi-1 is quarantined'],
] as const)('a fault that stops a device is one sentence: %j', (fault, sentence) => {
  expect(isEmulated(fault)).toBe(false);
  expect(faultSentence('pi-1', fault)).toBe(sentence);
});

it.each<[DeviceFailure, string]>([
  [{ kind: 'partition' }, 'pi-1: partition'],
  [{ kind: 'delay', ms: 50, sigma: 0 }, 'pi-1: delay 50 ms'],
  [{ kind: 'delay', ms: 50, sigma: 0.6 }, 'pi-1: delay 50 ms (σ 0.6)'],
  [
    {
      kind: 'delay',
      ms: 5,
      sigma: 0,
      quantiles: [
        { ms: 0, share: 0 },
        { ms: 100, share: 1 },
      ],
    },
    'pi-1: delay drawn, median 55 ms',
  ],
  [{ kind: 'slow', factor: 10 }, 'pi-1: slow × 10'],
  [{ kind: 'drop', probability: 0.3 }, 'pi-1: drop 30 %'],
  [{ kind: 'corrupt', amount: 1, probability: 1 }, 'pi-1: corrupt by 1'],
  [{ kind: 'corrupt', amount: 2, probability: 0.5 }, 'pi-1: corrupt by 2 in 50 %'],
])('an emulated fault has its parameters: %j', (fault, sentence) => {
  expect(isEmulated(fault)).toBe(true);
  expect(faultSentence('pi-1', fault)).toBe(sentence);
});
