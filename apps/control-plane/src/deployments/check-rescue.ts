import { type Policy, rescueRule } from '@sparewheel/coordinator';
import { ApiError } from '@sparewheel/protocol';

/** @throws {ApiError} 400 the rule contradicts the objective */
export function checkRescue(policy: Pick<Policy, 'rescue'>, objective: 'latency' | 'devices-only'): void {
  if (objective !== 'devices-only' || rescueRule(policy, { objective }) !== 'data-plane') return;
  throw new ApiError(
    400,
    'invalid-request',
    'The field "policy.rescue" is "data-plane", but under the objective "devices-only" the data plane computes no shard.',
    'Choose "devices" or "off", or the objective "latency".',
  );
}
