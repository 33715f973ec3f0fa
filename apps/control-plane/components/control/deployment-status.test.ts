import { describe, expect, it } from 'vitest';
import { deployment, device, seat } from '../testing/view-fixtures.ts';
import {
  checksAnswers,
  deploymentForecast,
  deploymentShape,
  deploymentStatus,
  seatFraction,
  selectedDeployment,
  standbyCount,
} from './deployment-status.ts';

describe('a deployment', () => {
  it('is described by its reason, or else by its state', () => {
    expect(deploymentStatus(deployment(4, 1))).toMatchObject({ label: 'Ready', tone: 'ok', busy: false });
    const failed = deploymentStatus(deployment(4, 1, { state: 'failed', reason: 'out of memory' }));
    expect(failed).toMatchObject({ tone: 'danger', sentence: 'out of memory' });
    expect(deploymentShape(deployment(4, 1))).toBe('4 + 1 coded · lowest latency · coverage 100 %');
  });

  it('checks answers only with parity and a rule that checks', () => {
    const policy = deployment(4, 1).policy;
    expect(checksAnswers(deployment(4, 1, { policy: { ...policy, verify: 'after' } }))).toBe(true);
    expect(checksAnswers(deployment(4, 1, { policy: { ...policy, verify: 'off' } }))).toBe(false);
    expect(checksAnswers(deployment(5, 0, { policy: { ...policy, verify: 'before' } }))).toBe(false);
    expect(checksAnswers(deployment(5, 0, { coverage: null }))).toBe(true);
  });

  it('says that nothing is distributed, and why', () => {
    const runsWhole = 'Runs whole on the data plane: distributed it would be 3.0 × slower';
    const whole = deployment(4, 1, { coverage: null, runsWhole });
    expect(deploymentShape(whole)).toBe('Nothing is distributed · lowest latency');
    expect(deploymentStatus(whole).sentence).toBe(runsWhole);
    const onDevice = deployment(4, 1, { runsWhole: 'Runs whole on one device, with 1 replica: …' });
    expect(deploymentShape(onDevice)).toBe('1 + 1 replicas · lowest latency · coverage 100 %');
  });

  it('repeats the prediction that was shown before', () => {
    const predictions = {
      plan: { ms: 12.34, megabytes: 0.01 },
      device: { ms: 14, megabytes: 0.003 },
      dataPlane: { ms: 1.2, megabytes: 0 },
    };
    expect(deploymentForecast(deployment(4, 1, { predictions }))).toBe(
      'predicted 12.3 ms · one device alone 14.0 ms · data plane alone 1.2 ms',
    );
    const small = { ...predictions, device: null };
    expect(deploymentForecast(deployment(4, 1, { predictions: small }))).not.toContain('one device');
    expect(deploymentForecast(deployment(4, 1))).toBeNull();
  });

  it('shows the present plan, the requested one, and the objective', () => {
    const smaller = deployment(4, 1, { planned: { k: 3, r: 1 }, objective: 'devices-only' });
    expect(deploymentShape(smaller)).toBe('3 + 1 coded (requested 4 + 1) · devices only · coverage 100 %');
  });

  it('says that the next failure is not covered while parity is in use', () => {
    const healthy = deployment(4, 1);
    const withSeat = (state: 'down' | 'installing') =>
      deployment(4, 1, {
        state: 'degraded',
        progress: {
          ...healthy.progress,
          seats: healthy.progress.seats.map((old) => (old.seat === 2 ? { ...old, state } : old)),
        },
      });
    expect(deploymentShape(withSeat('down'), 0)).toContain('coverage 0 %: the next failure is not covered');
    expect(deploymentShape(withSeat('installing'), 0)).toContain(
      'coverage 0 % until a standby has taken over',
    );
    expect(deploymentShape(withSeat('down'), 1)).toContain('coverage 0 % until a standby has taken over');
    const { progress } = withSeat('down');
    const seats = progress.seats.map((old) => (old.seat === 0 ? { ...old, state: 'down' as const } : old));
    const two = deployment(4, 1, { state: 'unavailable', progress: { ...progress, seats } });
    expect(deploymentShape(two, 0)).toBe('4 + 1 coded · lowest latency · coverage 0 %');
    // With two parity devices, one more failure is survived.
    const redundant = { ...withSeat('down'), r: 2, planned: { k: 4, r: 2 } };
    expect(deploymentShape(redundant, 0)).toContain('coverage 100 %');
  });

  it('says that no standby is left: a dead device without a seat is none', () => {
    const healthy = deployment(1, 1);
    const devices = [device('d1'), device('p1'), device('x', { state: 'dead' })];
    expect(standbyCount(devices, healthy)).toBe(0);
    expect(deploymentStatus(healthy, 0).sentence).toBe('All seats answer; no standby is left.');
    expect(standbyCount([...devices, device('y')], healthy)).toBe(1);
    expect(deploymentStatus(healthy, 1).sentence).toBe('All seats answer.');
  });

  it('is shown while it exists; afterwards the first that did not fail', () => {
    const broken = deployment(4, 1, { name: 'broken', state: 'failed' });
    const good = deployment(4, 1, { name: 'good' });
    expect(selectedDeployment([broken, good], 'broken')?.name).toBe('broken');
    expect(selectedDeployment([broken, good], 'deleted')?.name).toBe('good');
    expect(selectedDeployment([], 'deleted')).toBeNull();
  });

  it('has the progress of its shards', () => {
    expect(seatFraction(seat(0, 'data', 'a', { state: 'installing', sentBytes: 25 }))).toBe(0.25);
    expect(seatFraction(seat(0, 'data', 'a', { state: 'ready', totalBytes: 0 }))).toBe(1);
    expect(seatFraction(seat(0, 'data', 'a', { state: 'empty', totalBytes: 0 }))).toBe(0);
  });
});
