// @vitest-environment happy-dom
import { screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { SettingsPage } from './settings-page.tsx';

vi.mock('next-themes', () => ({ useTheme: () => ({ theme: 'system', setTheme: () => {} }) }));

const show = (grpcAddress: string | null) =>
  renderDashboard(<SettingsPage />, { live: { inferenceUrl: 'http://127.0.0.1:3001', grpcAddress } });

it('shows the address of gRPC, with a button that copies it', () => {
  show('127.0.0.1:3002');
  expect(screen.getByText('127.0.0.1:3002')).toBeTruthy();
  expect(screen.getByRole('button', { name: /Copy the address: Inference over gRPC/ })).toBeTruthy();
});

it('says how to turn gRPC on when it is off', () => {
  show(null);
  expect(screen.getByText('Inference over gRPC').parentElement?.textContent).toBe(
    'Inference over gRPCOff. To use it, set GRPC_PORT to a free port and restart.',
  );
});
