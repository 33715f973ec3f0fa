import { describe, expect, it } from 'vitest';
import { deployment, seat } from '../testing/view-fixtures.ts';
import { deploymentShape, deploymentStatus, seatFraction, selectedDeployment } from './deployment-status.ts';

describe('a deployment', () => {
  it('is described by its reason, or else by its state', () => {
    expect(deploymentStatus(deployment(4, 1))).toMatchObject({ label: 'Ready', tone: 'ok', busy: false });
    const failed = deploymentStatus(deployment(4, 1, { state: 'failed', reason: 'out of memory' }));
    expect(failed).toMatchObject({ tone: 'danger', sentence: 'out of memory' });
    expect(deploymentShape(deployment(4, 1))).toBe('4 + 1 coded · coverage 100 %');
  });

  it('says that nothing is distributed, and why', () => {
    const runsWhole = 'Runs whole on the data plane: distributed it would be 3.0 × slower';
    const whole = deployment(4, 1, { coverage: null, runsWhole });
    expect(deploymentShape(whole)).toBe('Nothing is distributed');
    expect(deploymentStatus(whole).sentence).toBe(runsWhole);
    const onDevice = deployment(4, 1, { runsWhole: 'Runs whole on one device, with 1 replica: …' });
    expect(deploymentShape(onDevice)).toBe('1 + 1 replicas · coverage 100 %');
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
