// @vitest-environment happy-dom
import { screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { device } from '../testing/view-fixtures.ts';
import { FaultForm } from './fault-form.tsx';

it('names no number while a field is empty', async () => {
  const { user } = renderDashboard(<FaultForm device={device('d1')} />);
  const button = screen.getByRole('button');
  expect(button.textContent).toBe('Delay 50 ms');
  await user.clear(screen.getByLabelText('Median (ms)'));
  expect([button.textContent, (button as HTMLButtonElement).disabled]).toEqual(['Delay', true]);
});
