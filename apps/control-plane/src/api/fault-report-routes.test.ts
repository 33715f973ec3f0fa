import type { FaultReportView } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from '../testing/test-api.ts';

const REPORT: FaultReportView = {
  id: 7,
  at: '2026-11-23T10:00:00.000Z',
  device: 'device-0001',
  deviceName: 'local-1',
  fault: { kind: 'kill' },
  deployments: [],
  measuring: false,
};

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
  api.dataPlane.answers['fault-reports'] = () => [REPORT];
  api.dataPlane.answers['fault-report'] = (call) =>
    call.kind === 'fault-report' && call.id === 7 ? { ...REPORT, traces: {} } : null;
});
afterEach(() => api.close());

describe('GET /api/faults', () => {
  it('lists the reports, and returns one with its traces', async () => {
    expect(await api.ask('GET', '/api/faults')).toMatchObject({ status: 200, body: [REPORT] });
    expect(await api.ask('GET', '/api/faults/7')).toMatchObject({
      status: 200,
      body: { id: 7, traces: {} },
    });
  });

  it.each(['8', 'x', '7.5'])('answers 404 for the unknown report %s', async (id) => {
    expect(await api.ask('GET', `/api/faults/${id}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'unknown-fault' } },
    });
  });
});
