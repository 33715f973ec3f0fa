// @vitest-environment happy-dom
import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { deployment } from '../testing/view-fixtures.ts';
import { PolicyPanel } from './policy-panel.tsx';

describe('the policy panel', () => {
  it('offers the check with parity only to a plan with parity', () => {
    renderDashboard(<PolicyPanel deployment={deployment(4, 1)} traces={[]} />);
    expect(screen.getByLabelText('Check answers with parity')).toBeTruthy();
  });

  it('says that a plan without parity is not checked', () => {
    renderDashboard(<PolicyPanel deployment={deployment(4, 0, { strategy: 'uncoded' })} traces={[]} />);
    expect(screen.queryByLabelText('Check answers with parity')).toBeNull();
    expect(screen.getByText('This plan has no parity, so answers are not checked.')).toBeTruthy();
  });
});
