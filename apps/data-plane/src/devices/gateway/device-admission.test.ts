import { type DeviceAuth, PROTOCOL_VERSION } from '@sparewheel/protocol';
import { Access } from '@sparewheel/runtime/access';
import { expect, it } from 'vitest';
import { TEST_TOKENS } from '../../testing/test-plane.ts';
import { DeviceAdmission } from './device-admission.ts';
import { DeviceRegistry } from './device-registry.ts';
import { GATEWAY_LIMITS } from './gateway-limits.ts';

const none = { existing: () => undefined, count: 0, othersUp: () => 0 };
const auth = (id: string): DeviceAuth => ({
  protocol: PROTOCOL_VERSION,
  token: TEST_TOKENS.joinToken,
  device: { id, secret: 's'.repeat(40) },
  incarnation: 'first',
});

it('bounds how fast new devices join from one address, and not those that are known', () => {
  const registry = new DeviceRegistry([]);

  registry.bind(auth('known').device, { name: 'known', platform: 'test' } as never);
  const admission = new DeviceAdmission(new Access(TEST_TOKENS), registry, none);
  const join = (id: string, address: string, now: number) => {
    try {
      admission.check(auth(id), address, now);
      return true;
    } catch {
      return false;
    }
  };
  const { newDevicesAtOnce, newDevicesPerSecond } = GATEWAY_LIMITS;
  const at = (now: number, count = 1_000) =>
    Array.from({ length: count }, (_, index) => join(`new-${now}-${index}`, '10.0.0.1', now)).filter(Boolean);
  expect(at(0)).toHaveLength(newDevicesAtOnce);
  // Both connections of a device count once.
  expect(join(`new-0-${newDevicesAtOnce - 1}`, '10.0.0.1', 0)).toBe(true);
  expect(join('known', '10.0.0.1', 0)).toBe(true);
  expect(join('elsewhere', '10.0.0.2', 0)).toBe(true);
  expect(at(10_000)).toHaveLength(10 * newDevicesPerSecond);
});
