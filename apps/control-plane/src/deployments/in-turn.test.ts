import { describe, expect, it } from 'vitest';
import { InTurn } from './in-turn.ts';

describe('in turn', () => {
  it('runs what concerns one name in order, and another name beside it', async () => {
    const inTurn = new InTurn();
    const order: string[] = [];
    let release = () => {};
    const first = inTurn.run('a', async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      order.push('a1');
    });
    const second = inTurn.run('a', async () => void order.push('a2'));
    await inTurn.run('b', async () => void order.push('b1'));
    expect(order).toEqual(['b1']);
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(['b1', 'a1', 'a2']);
  });

  it('goes on after a failure, which is the failing caller’s alone', async () => {
    const inTurn = new InTurn();
    const failing = inTurn.run('a', async () => {
      throw new Error('no');
    });
    const next = inTurn.run('a', async () => 'yes');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });
});
