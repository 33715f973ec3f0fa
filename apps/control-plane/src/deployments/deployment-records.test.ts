import { describe, expect, it } from 'vitest';
import { DeploymentRecords } from './deployment-records.ts';

describe('exclusive tasks of deployments', () => {
  it('run in order for one deployment, and in parallel for two', async () => {
    const records = new DeploymentRecords();
    const order: string[] = [];
    let release = () => {};
    const first = records.exclusive('a', async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      order.push('a1');
    });
    const second = records.exclusive('a', async () => void order.push('a2'));
    await records.exclusive('b', async () => void order.push('b1'));
    expect(order).toEqual(['b1']);
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(['b1', 'a1', 'a2']);
  });

  it('continue after a failure, which only its caller sees', async () => {
    const records = new DeploymentRecords();
    const failing = records.exclusive('a', async () => {
      throw new Error('no');
    });
    const next = records.exclusive('a', async () => 'yes');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });
});
