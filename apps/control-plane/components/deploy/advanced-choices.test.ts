import { deploymentRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import {
  type AdvancedChoices,
  advancedPolicy,
  canRescue,
  changeObjective,
  detectProblem,
  FIRST_ADVANCED,
  helpAdvanced,
  summarizeAdvanced,
} from './advanced-choices.ts';

const choices = (change: Partial<AdvancedChoices>): AdvancedChoices => ({ ...FIRST_ADVANCED, ...change });

describe('the advanced choices', () => {
  it('start as the demo and the one-click deployments do', () => {
    expect(FIRST_ADVANCED).toEqual({
      objective: 'devices-only',
      rescue: 'off',
      verify: 'after',
      detectMs: null,
    });
  });

  it('change the usual rescue rule with the objective, and keep a chosen one', () => {
    expect(changeObjective(FIRST_ADVANCED, 'latency')).toEqual({
      objective: 'latency',
      rescue: 'data-plane',
    });
    const chosen = choices({ objective: 'latency', rescue: 'devices' });
    expect(changeObjective(chosen, 'devices-only')).toEqual({ objective: 'devices-only' });
  });

  it('never combine a rescue by the data plane with devices only', () => {
    expect(canRescue('devices-only', 'data-plane')).toBe(false);
    const usual = choices({ objective: 'latency', rescue: 'data-plane' });
    expect(changeObjective(usual, 'devices-only').rescue).toBe('off');
  });

  it('give a policy that the API accepts, with time to answer after the detection', () => {
    for (const detectMs of [null, 0, 60_000]) {
      const policy = advancedPolicy(choices({ detectMs }));
      expect(policy.deadlineMs).toBe(10_000 + (detectMs ?? 0));
      expect(deploymentRequestSchema.parse({ name: 'n', model: 'm', policy }).policy).toMatchObject(policy);
    }
  });

  it('accept a detection of up to a minute', () => {
    for (const detectMs of [null, 0, 60_000]) expect(detectProblem(choices({ detectMs }))).toBeNull();
    for (const detectMs of [-1, 60_001, Number.NaN])
      expect(detectProblem(choices({ detectMs }))).toMatch(/0 to 60000 ms/);
  });

  it('are summarized in one line, without the check where a plan has no parity', () => {
    expect(summarizeAdvanced(FIRST_ADVANCED, true)).toBe(
      'devices only · rescue off · checked after responding',
    );
    const slow = choices({ objective: 'latency', rescue: 'data-plane', verify: 'off', detectMs: 1_500 });
    expect(summarizeAdvanced(slow, true)).toBe(
      'lowest latency · rescue by the data plane · never checked · detected after 1.50 s',
    );
    expect(summarizeAdvanced(slow, false)).not.toContain('checked');
    expect(helpAdvanced(slow, false).verify).toContain('no parity');
  });
});
