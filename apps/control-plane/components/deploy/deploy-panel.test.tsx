// @vitest-environment happy-dom
import type { ModelView } from '@sparewheel/protocol';
import { act, screen, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { device, plan } from '../testing/view-fixtures.ts';
import { DeployPanel } from './deploy-panel.tsx';

const LONG = 'a-very-long-model-name-that-does-not-fit-into-one-line-of-the-panel';
const model: ModelView = {
  name: LONG,
  sha256: '0'.repeat(64),
  bytes: 1_000,
  inputs: [{ name: 'x', type: 'float32', dims: [1, 8] }],
  outputs: [],
  layers: [
    {
      name: 'fc1',
      op: 'Gemm',
      outputDims: [1, 120],
      parameters: 1,
      multiplyAdds: 1,
      codable: true,
      reason: null,
    },
    {
      name: 'fc2',
      op: 'MatMul',
      outputDims: [1, 10],
      parameters: 1,
      multiplyAdds: 1,
      codable: false,
      reason: 'the weights are not constant',
    },
  ],
  parameters: 2,
  createdAt: '2026-01-01T00:00:00Z',
};
const fleet = ['a', 'b', 'c'].map((name) => device(name));
const PLAN = plan({
  predictions: {
    plan: { ms: 1.2, megabytes: 0 },
    device: { ms: 4.5, megabytes: 0.01 },
    dataPlane: { ms: 1.2, megabytes: 0 },
  },
  runsWhole: 'Runs whole on the data plane: distributed it would be 3.0 × slower',
});
const untilPlanned = () => screen.findByTestId('plan-outlook');

/** Uploads that the test answers by hand. */
function fakeUploads() {
  const uploads: FakeUpload[] = [];
  class FakeUpload {
    readonly upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
    status = 0;
    responseText = '';
    url = '';
    body?: Blob;
    onload = () => {};
    onerror = () => {};
    onabort = () => {};
    constructor() {
      uploads.push(this);
    }
    open(_method: string, url: string) {
      this.url = url;
    }
    setRequestHeader() {}
    send(body: Blob) {
      this.body = body;
    }
    abort() {
      this.onabort();
    }
    answer(status: number, body: unknown) {
      this.status = status;
      this.responseText = JSON.stringify(body);
      act(() => this.onload());
    }
  }
  vi.stubGlobal('XMLHttpRequest', FakeUpload);
  return uploads;
}

function renderPanel(models: readonly ModelView[] = []) {
  const uploads = fakeUploads();
  const onDeployed = vi.fn();
  const rendered = renderDashboard(<DeployPanel onDeployed={onDeployed} />, {
    live: { models, devices: fleet },
    api: ({ path }) =>
      path === '/api/plans' ? { body: PLAN } : apiError(409, 'The name is taken.', 'Choose another name.'),
  });
  const choose = (name: string) =>
    rendered.user.upload(screen.getByLabelText('Model files'), new File(['onnx'], name));
  return { ...rendered, uploads, onDeployed, choose };
}

describe('the upload of a model', () => {
  it('shows its progress, then the layers of the model', async () => {
    const { uploads, choose } = renderPanel();
    expect(screen.queryByText('Or an uploaded model:')).toBeNull();
    await choose('My Net.onnx');
    expect(uploads[0]?.url).toBe('/api/models?name=My-Net');
    act(() => uploads[0]?.upload.onprogress?.({ loaded: 1, total: 4 }));
    expect(
      screen.getByRole('progressbar', { name: 'Upload of My Net.onnx' }).getAttribute('aria-valuenow'),
    ).toBe('25');
    act(() => uploads[0]?.upload.onprogress?.({ loaded: 4, total: 4 }));
    expect(screen.getByText('· reading the model')).toBeTruthy();
    uploads[0]?.answer(201, model);
    const table = await screen.findByRole('table');
    expect(within(table).getByText('the weights are not constant')).toBeTruthy();
    expect(screen.getByText(/^1 of 2 linear layers can be coded/)).toBeTruthy();
  });

  it('sends several files as one archive, with the name of the model', async () => {
    const { user, uploads } = renderPanel();
    const files = ['weights.bin', 'pet.json'].map((name) => new File([name], name));
    await user.upload(screen.getByLabelText('Model files'), files);
    expect(uploads[0]?.url).toBe('/api/models?name=pet');
    expect(uploads[0]?.body?.size).toBe(6 * 512);
  });

  it('shows why the server rejects a file, without a button to send it again', async () => {
    const { uploads, choose } = renderPanel();
    await choose('notes.onnx');
    uploads[0]?.answer(400, apiError(400, 'This is not an ONNX model.', 'Export it again.').body);
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toBe('notes.onnx was not added: This is not an ONNX model.Export it again.');
    expect(within(alert).queryByRole('button')).toBeNull();
    expect(screen.getByRole('button', { name: 'Choose files' })).toBeTruthy();
  });

  it('sends a file again after an interruption', async () => {
    const { user, uploads, choose } = renderPanel();
    await choose('net.onnx');
    act(() => uploads[0]?.onerror());
    await user.click(await screen.findByRole('button', { name: 'Send it again' }));
    expect(uploads[1]?.url).toBe('/api/models?name=net');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('can be canceled', async () => {
    const { user, choose } = renderPanel();
    await choose('net.onnx');
    await user.click(screen.getByRole('button', { name: 'Cancel the upload' }));
    expect(await screen.findByRole('button', { name: 'Choose files' })).toBeTruthy();
    expect(screen.queryByRole('alert')).toBeNull();
  });
});

describe('the deploy form', () => {
  it('offers uploaded models, also one with a long name', async () => {
    const { user } = renderPanel([model]);
    await user.click(screen.getByRole('button', { name: LONG }));
    expect((screen.getByLabelText('Deployment name') as HTMLInputElement).value).toBe(LONG);
    expect(screen.getByRole('status').textContent).toBe('3 devices are ready. Planning…');
    expect(screen.getByRole('button', { name: 'Deploy' }).hasAttribute('disabled')).toBe(false);
  });

  it('shows before the deployment that nothing is distributed, and how fast each way is', async () => {
    const { user, sent } = renderPanel([model]);
    await user.click(screen.getByRole('button', { name: LONG }));
    await user.selectOptions(screen.getByLabelText('Layers'), 'auto');
    const outlook = await untilPlanned();
    expect(outlook.textContent).toContain(
      'Runs whole on the data plane: distributed it would be 3.0 × slower.',
    );
    expect(outlook.textContent).not.toContain('Survives');
    expect(within(outlook).getByRole('row', { name: 'One device alone 4.50 ms 10.0 KB' })).toBeTruthy();
    expect(within(outlook).getByRole('row', { name: 'Data plane alone 1.20 ms 0.0 KB' })).toBeTruthy();
    expect(screen.getByText(/To distribute the model anyway/)).toBeTruthy();
    expect(sent.find(({ path }) => path === '/api/plans')?.body).toMatchObject({
      k: 2,
      r: 1,
      layers: 'auto',
    });
  });

  it('starts as the demo does, and sends the advanced choices', async () => {
    const { user, sent } = renderPanel([model]);
    await user.click(screen.getByRole('button', { name: LONG }));
    await untilPlanned();
    expect(sent.find(({ path }) => path === '/api/plans')?.body).toMatchObject({
      layers: 'all',
      objective: 'devices-only',
      policy: { rescue: 'off', verify: 'after', detectMs: null },
    });
    await user.click(screen.getByText('Advanced'));
    const rescue = screen.getByLabelText('Rescue');
    expect(within(rescue).queryByRole('option', { name: 'by the data plane' })).toBeNull();
    await user.selectOptions(screen.getByLabelText('Objective'), 'latency');
    expect((rescue as HTMLSelectElement).value).toBe('data-plane');
    await user.selectOptions(rescue, 'devices');
    await user.selectOptions(screen.getByLabelText('Check answers with parity'), 'before');
    await user.type(screen.getByLabelText('Detection in ms'), '1500');
    await user.click(screen.getByRole('button', { name: 'Deploy' }));
    await screen.findByRole('alert');
    expect(sent.find(({ path }) => path === '/api/deployments')?.body).toMatchObject({
      objective: 'latency',
      policy: { rescue: 'devices', verify: 'before', detectMs: 1_500, deadlineMs: 11_500 },
    });
  });

  it('says how to fix choices that do not fit the fleet', async () => {
    const { user } = renderPanel([model]);
    await user.click(screen.getByRole('button', { name: LONG }));
    await user.clear(screen.getByLabelText('k (data)'));
    await user.type(screen.getByLabelText('k (data)'), '9');
    expect(screen.getByRole('status').textContent).toBe(
      'k + r = 10 devices are needed, but 3 are ready. Add or revive devices, or lower k.',
    );
    expect(screen.getByRole('button', { name: 'Deploy' }).hasAttribute('disabled')).toBe(true);
  });

  it('sends one deployment on a double click', async () => {
    const { user, sent } = renderPanel([model]);
    await user.click(screen.getByRole('button', { name: LONG }));
    await untilPlanned();
    const button = screen.getByRole('button', { name: 'Deploy' });
    act(() => {
      // Two clicks before the next render.
      button.click();
      button.click();
    });
    await screen.findByRole('alert');
    expect(sent.filter(({ path }) => path === '/api/deployments')).toHaveLength(1);
  });

  it('shows an error of the server and keeps the choices', async () => {
    const { user, onDeployed } = renderPanel([model]);
    await user.click(screen.getByRole('button', { name: LONG }));
    await untilPlanned();
    await user.click(screen.getByRole('button', { name: 'Deploy' }));
    expect((await screen.findByRole('alert')).textContent).toBe('The name is taken.Choose another name.');
    expect((screen.getByLabelText('Deployment name') as HTMLInputElement).value).toBe(LONG);
    expect(onDeployed).not.toHaveBeenCalled();
  });
});
