// @vitest-environment happy-dom
import { act, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { device } from '../testing/view-fixtures.ts';
import { useApi, useLive, writeLive } from './live-queries.ts';

it('renders a component only when its selected part of the pushed data changes', async () => {
  let renders = 0;
  function Names() {
    renders += 1;
    const names = useLive('devices', (devices) => devices.map(({ name }) => name));
    return <p>{names.join(', ')}</p>;
  }
  const { client } = renderDashboard(<Names />, { live: { devices: [device('a'), device('b')] } });
  const before = renders;
  const push = (...args: Parameters<typeof device>[]) =>
    act(async () =>
      writeLive(
        client,
        'devices',
        args.map((each) => device(...each)),
      ),
    );
  await push(['a', { inFlight: 1 }], ['b', { answers: 7 }]);
  expect(screen.getByText('a, b')).toBeTruthy();
  expect(renders).toBe(before);
  await push(['a'], ['c']);
  expect(await screen.findByText('a, c')).toBeTruthy();
});

it('keeps the last answer of the admin API while the next request fails', async () => {
  function Answer() {
    const { data, error, refetch } = useApi<string>('/api/something');
    return (
      <>
        <output>{`${data ?? 'none'}, ${error?.message ?? 'no error'}`}</output>
        <button type="button" onClick={() => void refetch()}>
          Again
        </button>
      </>
    );
  }
  let asked = 0;
  const { user } = renderDashboard(<Answer />, {
    api: () => {
      asked += 1;
      return asked === 1
        ? { body: 'first' }
        : { status: 500, body: { error: { code: 'x', message: 'broken' } } };
    },
  });
  expect(await screen.findByText('first, no error')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Again' }));
  expect(await screen.findByText('first, broken')).toBeTruthy();
});
