import type { UiSnapshot } from '@sparewheel/protocol';
import { headers } from 'next/headers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { firstState } from '../../app/(dashboard)/first-state.ts';
import { Authentication } from '../api/authentication.ts';
import { TOKENS } from '../testing/test-api.ts';
import { offerFirstState, type TakeSnapshot } from './first-state.ts';

vi.mock('next/headers', () => ({ headers: vi.fn() }));

const authentication = new Authentication(TOKENS, 3000);
const [session = ''] = authentication.sessionCookie().split(';');
const snapshot = { startedAt: '2026-11-23T10:00:00.000Z' } as UiSnapshot;
let withdraw = () => {};
afterEach(() => withdraw());

function offer(take: TakeSnapshot) {
  const spy = vi.fn(take);
  withdraw = offerFirstState(authentication, spy);
  return spy;
}

function request(values: Record<string, string>): void {
  vi.mocked(headers).mockResolvedValue(new Headers(values) as never);
}

describe('the first state of a page', () => {
  it('is a snapshot for the host name by which the browser came, with a session', async () => {
    const take = offer(async () => snapshot);
    request({ cookie: `other=1; ${session}`, host: 'sparewheel.test:3000' });
    expect(await firstState()).toBe(snapshot);
    expect(take).toHaveBeenCalledWith('sparewheel.test');
  });

  it.each([
    ['no cookie', {}],
    ['another cookie', { cookie: 'sparewheel_session_3000=wrong' }],
    ['the session of another port', { cookie: session.replace('3000', '4000') }],
    ['a token in place of a session', { authorization: `Bearer ${TOKENS.operator}` }],
  ])('is absent for %s, and no snapshot is taken', async (_what, values: Record<string, string>) => {
    const take = offer(async () => snapshot);
    request({ host: 'localhost:3000', ...values });
    expect(await firstState()).toBeNull();
    expect(take).not.toHaveBeenCalled();
  });

  it('is absent when the snapshot fails, and after the control plane has stopped', async () => {
    offer(async () => {
      throw new Error('database is locked');
    });
    request({ cookie: session });
    expect(await firstState()).toBeNull();
    offer(async () => snapshot);
    withdraw();
    expect(await firstState()).toBeNull();
  });
});
