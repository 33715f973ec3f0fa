// @vitest-environment happy-dom

import { paperGainPercent } from '@sparewheel/protocol';
import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { codedTrace } from '../testing/view-fixtures.ts';
import { WaitingGain } from './waiting-gain.tsx';
import { judgeWaiting } from './waiting-rules.ts';

const rules = judgeWaiting(
  Array.from({ length: 6 }, () => codedTrace([4, 30, 6])),
  2,
  'any-k',
);
const few = { requests: 0, leftOut: 0 };
const gain = (key: string) => screen.getByTestId(`${key}-gain`).textContent;

describe('the gain of a waiting rule', () => {
  it('is predicted, measured, and compared with the paper', () => {
    renderDashboard(
      <WaitingGain rules={rules} measured={rules} idle={false} loading={false} k={4} adaptive={null} />,
    );
    expect([gain('predicted'), gain('measured'), gain('paper')]).toEqual(['80 %', '80 %', '8.7 %']);
  });

  it('is not measured before requests ran under the rule', () => {
    renderDashboard(
      <WaitingGain rules={rules} measured={few} idle={false} loading={false} k={2} adaptive={null} />,
    );
    expect([gain('predicted'), gain('measured'), gain('paper')]).toEqual(['80 %', '–', '–']);
  });

  it('says that few requests are a first estimate, and counts in words that fit', () => {
    const text = (requests: number, leftOut: number) => {
      const given = { ...rules, requests, leftOut };
      const { container } = render(
        <WaitingGain rules={given} measured={given} idle={false} loading={false} k={4} adaptive={null} />,
      );
      return container.textContent;
    };
    expect(text(6, 1)).toMatch(/first estimate\. Left out: 1 request that lacks an answer\./);
    expect(text(64, 2)).toMatch(/Left out: 2 requests that lack an answer\./);
    expect(text(64, 0)).not.toMatch(/first estimate|Left out/);
  });

  it.each(['98.0 %', '100 %'])('compares decoded layers with “any k”', (share) => {
    const recoveredShare = Number.parseFloat(share) / 100;
    const adaptive = { costMs: 1, thresholdsMs: [2], recoveredShare, anyKRecoveredShare: 1 };
    render(
      <WaitingGain rules={rules} measured={rules} idle={false} loading={false} k={4} adaptive={adaptive} />,
    );
    expect(screen.getByTestId('adaptive-prediction').textContent).toContain(
      share === '100 %'
        ? 'of layers are decoded, as with “any k”.'
        : 'of layers are decoded, instead of 100 % with “any k”.',
    );
  });

  it.each([
    [true, rules, 'no requests in the last 10 seconds'],
    [false, few, 'too few requests since the last change'],
    [false, { requests: 2, leftOut: 6 }, '6 of the last 8 requests lack an answer'],
  ])('shows no old number: %s', (idle, given, reason) => {
    renderDashboard(
      <WaitingGain rules={given} measured={rules} idle={idle} loading={false} k={4} adaptive={null} />,
    );
    expect(screen.getByTestId('no-prediction').textContent).toContain(`Cannot be predicted now: ${reason}`);
    expect([gain('predicted'), gain('measured')]).toEqual(['–', '–']);
  });

  it('does not ask for a load while one runs', () => {
    const reason = (idle: boolean) => {
      const { container } = render(
        <WaitingGain rules={few} measured={few} idle={idle} loading k={4} adaptive={null} />,
      );
      return container.textContent;
    };
    for (const text of [reason(true), reason(false)]) expect(text).not.toContain('Start a load');
    expect(reason(false)).toContain('too few answers since the last change. More come with the load.');
  });

  it('is known from the paper for three to six devices', () => {
    expect([2, 3, 4, 5, 6, 7].map(paperGainPercent)).toEqual([null, 2.7, 8.7, 15.7, 34.6, null]);
  });
});
