// @vitest-environment happy-dom
import type { EventView } from '@sparewheel/protocol';
import { screen, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { device } from '../testing/view-fixtures.ts';
import { EventsPage } from './events-page.tsx';

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams() }));

const event = (id: number, change: Partial<EventView> = {}): EventView => ({
  id,
  at: '2026-01-01T00:00:00Z',
  level: 'info',
  kind: 'device-joined',
  message: `event ${id}`,
  device: null,
  deployment: null,
  ...change,
});
const page = (from: number, count: number) => Array.from({ length: count }, (_, at) => event(from - at));
const shown = () => within(screen.getByTestId('events')).getAllByRole('listitem');

describe('the events page', () => {
  it('says what will appear without events', async () => {
    renderDashboard(<EventsPage />, { api: () => ({ body: [] }) });
    expect(await screen.findByText(/^No events yet\./)).toBeTruthy();
  });

  it('shows an error, and asks again on demand', async () => {
    let broken = true;
    const { user } = renderDashboard(<EventsPage />, {
      api: () => (broken ? apiError(503, 'The database is locked.', 'Wait a moment.') : { body: page(3, 3) }),
    });
    const alert = within(await screen.findByRole('alert'));
    expect(alert.getByText('The database is locked.')).toBeTruthy();
    broken = false;
    await user.click(alert.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('event 3')).toBeTruthy();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('loads older events page by page, and shows pushed events once', async () => {
    const { user, sent } = renderDashboard(<EventsPage />, {
      live: { events: [event(251), event(250)] },
      api: ({ path }) => ({ body: path.includes('before=151') ? page(150, 30) : page(250, 100) }),
    });
    expect(await screen.findByText('event 250')).toBeTruthy();
    expect(shown()).toHaveLength(101);
    await user.click(screen.getByRole('button', { name: 'Load older events' }));
    expect(await screen.findByText('event 121')).toBeTruthy();
    expect(shown()).toHaveLength(131);
    expect(screen.queryByRole('button', { name: 'Load older events' })).toBeNull();
    expect(sent.map(({ path }) => path)).toEqual([
      '/api/events?limit=100',
      '/api/events?limit=100&before=151',
    ]);
  });

  it('says that no event matches, and clears the filter', async () => {
    const { user } = renderDashboard(<EventsPage />, {
      live: { devices: [device('a-device-with-a-very-long-name-in-the-basement')] },
      api: () => ({ body: page(3, 3) }),
    });
    await screen.findByText('event 3');
    await user.type(screen.getByLabelText('Text'), 'nothing like this');
    expect(screen.getByText('No event matches this filter.')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Clear filter' }));
    expect(shown()).toHaveLength(3);
  });
});
