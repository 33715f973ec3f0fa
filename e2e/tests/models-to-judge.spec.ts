/**
 * The models that people can judge: deployed with one click, with text, faces and speech that stay right while a
 * device dies. Broken pictures, and cameras and microphones without permission.
 */
import { type Browser, expect, type Page, test } from '@playwright/test';
import { joinChunks, writeModel } from '@sparewheel/onnx';
import { smallModel } from '@sparewheel/onnx/testing';
import type { ZooModelView } from '@sparewheel/protocol';
import { zooModel } from '@sparewheel/zoo';
import { DRAWN_FACE, FACE_SIZE, faceTensor } from '@sparewheel/zoo/faces';
import { LINE_HEIGHT, LINE_WIDTH, lineTensor } from '@sparewheel/zoo/line-reader';
import ort from 'onnxruntime-node';
import sharp from 'sharp';
import { type InferenceInput, inferBinary, relativeError } from '../src/inference.ts';
import type { Product } from '../src/product.ts';
import { TOLERANCE } from '../src/reference.ts';
import { openDashboard, readCounter, sharedDashboard } from '../src/shared.ts';

test.setTimeout(240_000);

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const panel = (of = page) => of.getByTestId('input-panel');
const LINE = 'Sparewheel 4+1';

/** Shows a network of the zoo with the menu of the panel, and waits until it answers. */
async function show(network: string, of = page): Promise<void> {
  await panel(of).getByRole('button', { name: 'Other models' }).click();
  await of.getByTestId(`show-${network}`).click();
  await expect(of.getByTestId(`deployment-${network}`)).toHaveAttribute('data-state', 'ready', {
    timeout: 90_000,
  });
}

async function kill(name: string): Promise<void> {
  await page.getByRole('button', { name: new RegExp(`^Kill ${name}`) }).click();
  await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'dead');
}

/** Kills the standbys of a deployment, then a data device, so that its shards stay missing. @returns their names */
async function killForGood(deployment: string): Promise<readonly string[]> {
  const { progress } = await product.deployment(deployment);
  const seated = progress.seats.map(({ deviceName }) => deviceName);
  const standbys = (await product.devices()).filter(({ name }) => !seated.includes(name));
  const names = standbys.map(({ name }) => name);
  names.push(progress.seats.find(({ role }) => role === 'data')?.deviceName ?? '');
  for (const name of names) await kill(name);
  await product.deploymentState(deployment, 'degraded');
  return names;
}

async function deviceReady(name: string): Promise<boolean> {
  return (await product.devices()).some((device) => device.name === name && device.state === 'ready');
}

async function reviveAll(names: readonly string[], deployment: string): Promise<void> {
  for (const name of names) {
    await page.getByRole('button', { name: new RegExp(`^Revive ${name}`) }).click();
    await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'ready', {
      timeout: 30_000,
    });
  }
  await product.deploymentState(deployment, 'ready');
}

/** Waits for answers of the data plane to the panel. @returns their statuses */
async function nextAnswers(deployment: string, count: number): Promise<number[]> {
  const statuses: number[] = [];
  while (statuses.length < count) {
    const response = await page.waitForResponse((answer) => answer.url().endsWith(`/${deployment}/infer`));
    statuses.push(response.status());
  }
  return statuses;
}

/** Records every text that an element shows from now on. */
async function recordTexts(testId: string): Promise<() => Promise<readonly string[]>> {
  const element = page.getByTestId(testId);
  await element.evaluate((node) => {
    const texts = [node.textContent ?? ''];
    new MutationObserver(() => texts.push(node.textContent ?? '')).observe(node, {
      characterData: true,
      childList: true,
      subtree: true,
    });
    (node as HTMLElement & { texts?: string[] }).texts = texts;
  });
  return () => element.evaluate((node) => (node as HTMLElement & { texts?: string[] }).texts ?? []);
}

/** Compares the float32 outputs of a deployment with plain ONNX Runtime on the undivided network. */
async function expectSameAsUndivided(
  network: string,
  input: InferenceInput,
  outputs: readonly string[],
): Promise<{ recovered: number }> {
  const session = await ort.InferenceSession.create(joinChunks(await zooModel(network)!.chunks()), {
    logSeverityLevel: 4,
  });
  const expected = await session.run({ [input.name]: new ort.Tensor('float32', input.data, input.dims) });
  const answer = await inferBinary(product, network, input);
  expect(answer.status).toBe(200);
  for (const name of outputs) {
    const error = relativeError(answer.outputs[name]!, expected[name]!.data as Float32Array);
    expect(error, name).toBeLessThanOrEqual(TOLERANCE);
  }
  return answer.parameters;
}

/** The paper on the page, without the transparent rest at its right. */
async function paper(): Promise<{ pixels: Buffer; width: number }> {
  const { all, width } = await page.getByTestId('line-paper').evaluate((node) => {
    const context = (node as HTMLCanvasElement).getContext('2d')!;
    const row = context.getImageData(0, 0, 480, 1).data;
    const columns = row.filter((value, index) => index % 4 === 3 && value === 255).length;
    return { all: Array.from(context.getImageData(0, 0, columns, 48).data), width: columns };
  });
  return { pixels: Buffer.from(all), width };
}

/** The line on the paper of the page, as the model gets it. */
async function paperInput(): Promise<InferenceInput> {
  const { pixels, width } = await paper();
  return { name: 'x', dims: [1, 3, LINE_HEIGHT, LINE_WIDTH], data: lineTensor(pixels, width) };
}

test('the zoo names source and license of every trained network', async () => {
  const zoo = (await product.api<readonly ZooModelView[]>('/api/zoo')).body;
  await page.goto(`${product.url}/models`);
  for (const { name, origin } of zoo.filter(({ trained }) => trained)) {
    const item = page.getByTestId(`zoo-${name}`);
    await expect(item).toContainText(origin!.author);
    await expect(item).toContainText(origin!.license);
    await expect(item.getByRole('button', { name: /^Deploy/ })).toBeVisible();
  }
  await page.goto(product.url);
  await expect(panel()).toHaveAttribute('data-kind', 'digit');
});

test('one click deploys the line reader, the panel follows, and a typed line is read', async () => {
  await show('line-reader');
  await expect(panel()).toHaveAttribute('data-kind', 'line');
  await expect(page.getByTestId('line-text')).toHaveText('?');
  await page.getByLabel('Line of text').fill(LINE);
  await expect(page.getByTestId('line-text')).toHaveText(LINE, { timeout: 20_000 });
  await expect(page.getByTestId('line-comparison')).toHaveText('exactly as typed');
  expect((await product.deployment('line-reader')).coverage).toBe(1);
});

test('the text stays right while a device dies under load', async () => {
  const load = '/api/deployments/line-reader/load';
  await product.api(load, { method: 'POST', json: { mode: 'closed', concurrency: 1 } });
  await nextAnswers('line-reader', 1);
  const texts = await recordTexts('line-text');
  const killed = await killForGood('line-reader');
  expect(await nextAnswers('line-reader', 3)).toEqual([200, 200, 200]);
  expect(new Set(await texts())).toEqual(new Set([LINE]));
  await expect(page.getByTestId('answer-recovered')).toContainText('recovered from parity');
  const outputs = ['softmax_11.tmp_0', 'confidence'];
  const { recovered } = await expectSameAsUndivided('line-reader', await paperInput(), outputs);
  expect(recovered).toBeGreaterThan(0);
  await product.api(load, { method: 'DELETE' });
  await product.eventually(
    'the load has ended',
    async () => !(await product.deployment('line-reader')).load?.running,
  );
  for (const counter of ['lost', 'failed']) expect(await readCounter(page, counter)).toBe(0);
  await reviveAll(killed, 'line-reader');
});

test('the stage reads a typed line, also while a device dies', async () => {
  await page.keyboard.press('f');
  await expect(page).toHaveURL(/\/stage\?deployment=line-reader$/);
  const text = page.getByTestId('stage-line-text');
  await expect(text).toHaveText('One spare for 4 wheels', { timeout: 20_000 });
  await page.getByRole('textbox', { name: /^Line of text/ }).fill(LINE);
  await expect(text).toHaveText(LINE, { timeout: 20_000 });
  // Enter gives the number keys back to the stage.
  await page.keyboard.press('Enter');
  const name = (await product.holderOf('line-reader', 0)).name;
  const button = page.getByTestId(`stage-${name}`);
  const texts = await recordTexts('stage-line-text');
  await page.keyboard.press((await button.locator('kbd').textContent()) ?? '');
  await expect(button).toHaveAttribute('data-state', 'dead');
  expect(await nextAnswers('line-reader', 2)).toEqual([200, 200]);
  expect(new Set(await texts())).toEqual(new Set([LINE]));
  await expect(page.getByTestId('stage-line-comparison')).toHaveText('exactly as typed');
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/\/\?deployment=line-reader$/);
  await product.deploymentState('line-reader', 'ready');
  await product.eventually(`${name} is back`, async () => (await deviceReady(name)) || undefined);
});

test('another line gives another text (negative control), and the answer is that of the undivided model', async () => {
  await page.getByLabel('Line of text').fill('Sparewheel 5+1');
  await expect(page.getByTestId('line-text')).toHaveText('Sparewheel 5+1', { timeout: 20_000 });
  await expectSameAsUndivided('line-reader', await paperInput(), ['softmax_11.tmp_0', 'confidence']);
});

test('a picture of a line is read, and a broken picture is reported', async () => {
  const { pixels, width } = await paper();
  const picture = await sharp(pixels, { raw: { width, height: LINE_HEIGHT, channels: 4 } })
    .resize(2 * width)
    .png()
    .toBuffer();
  await panel().getByRole('radio', { name: 'Picture' }).click();
  const chosen = page.getByLabel('Picture of a line');
  await chosen.setInputFiles({
    name: 'notes.png',
    mimeType: 'image/png',
    buffer: Buffer.from('these are notes'),
  });
  await expect(panel().getByText('notes.png is not an image that this browser can read.')).toBeVisible();
  await chosen.setInputFiles({ name: 'line.png', mimeType: 'image/png', buffer: picture });
  await expect(panel().getByText('notes.png')).toHaveCount(0);
  await expect(page.getByTestId('line-text')).toHaveText('Sparewheel 5+1', { timeout: 20_000 });
});

test('one click deploys the face detector, and it finds the drawn face', async () => {
  await show('faces');
  await expect(panel()).toHaveAttribute('data-kind', 'faces');
  await expect(page.getByTestId('face-count')).toHaveText('1 face', { timeout: 20_000 });
  const stage = (await page.getByTestId('square-picture').boundingBox())!;
  const box = (await page.getByTestId('face-box').boundingBox())!;
  // The face is a little below the middle of the drawing.
  expect((box.x + box.width / 2 - stage.x) / stage.width).toBeCloseTo(0.5, 1);
  expect((box.y + box.height / 2 - stage.y) / stage.height).toBeCloseTo(0.55, 1);
});

test('the boxes stay while a device dies', async () => {
  await nextAnswers('faces', 2);
  const counts = await recordTexts('face-count');
  const killed = await killForGood('faces');
  expect(await nextAnswers('faces', 3)).toEqual([200, 200, 200]);
  expect(new Set(await counts())).toEqual(new Set(['1 face']));
  const pixels = await sharp(Buffer.from(DRAWN_FACE))
    .resize(FACE_SIZE, FACE_SIZE)
    .ensureAlpha()
    .raw()
    .toBuffer();
  const input = { name: 'input:0', dims: [1, FACE_SIZE, FACE_SIZE, 3], data: faceTensor(pixels) };
  const outputs = ['Identity:0', 'Identity_1:0', 'Identity_2:0', 'Identity_3:0'];
  expect((await expectSameAsUndivided('faces', input, outputs)).recovered).toBeGreaterThan(0);
  await reviveAll(killed, 'faces');
});

test('an empty wall has no face (negative control), and a broken picture is reported', async () => {
  await panel().getByRole('radio', { name: 'Picture' }).click();
  const chosen = page.getByLabel('Picture', { exact: true });
  const wall = sharp({ create: { width: 320, height: 240, channels: 3, background: '#8899aa' } });
  await chosen.setInputFiles({
    name: 'wall.png',
    mimeType: 'image/png',
    buffer: await wall.png().toBuffer(),
  });
  await expect(page.getByTestId('face-count')).toHaveText('No face', { timeout: 20_000 });
  await expect(page.getByTestId('face-box')).toHaveCount(0);
  await chosen.setInputFiles({
    name: 'broken.jpg',
    mimeType: 'image/jpeg',
    buffer: Buffer.from([0xff, 0xd8, 0xff]),
  });
  await expect(panel().getByText('broken.jpg is not an image that this browser can read.')).toBeVisible();
  const face = await sharp(Buffer.from(DRAWN_FACE)).png().toBuffer();
  await chosen.setInputFiles({ name: 'face.png', mimeType: 'image/png', buffer: face });
  await expect(page.getByTestId('face-count')).toHaveText('1 face', { timeout: 20_000 });
});

test('one click deploys the voice detector, and it hears the synthetic voice and its pauses', async () => {
  await show('voice-activity');
  await expect(panel()).toHaveAttribute('data-kind', 'voice');
  const result = page.getByTestId('voice-result');
  await expect(result).toHaveText('Speech', { timeout: 20_000 });
  await expect(result).toHaveText('No speech', { timeout: 20_000 });
  const killed = await killForGood('voice-activity');
  await expect(result).toHaveText('Speech', { timeout: 20_000 });
  await expect(result).toHaveText('No speech', { timeout: 20_000 });
  await expect(panel().getByRole('alert')).toHaveCount(0);
  await reviveAll(killed, 'voice-activity');
});

test('a model that takes no picture, sound or text gets random numbers, and its answers stay the same', async () => {
  await product.api('/api/models?name=numbers', {
    method: 'POST',
    body: new Uint8Array(joinChunks(writeModel(smallModel()))),
  });
  await product.api('/api/deployments', {
    method: 'POST',
    json: { name: 'numbers', model: 'numbers', k: 2, r: 1, layers: 'all' },
  });
  await product.deploymentState('numbers', 'ready');
  await page.getByTestId('deployment-numbers').click();
  await expect(panel()).toHaveAttribute('data-kind', 'tensors');
  await panel().getByRole('button', { name: 'Send random numbers' }).click();
  await nextAnswers('numbers', 1);
  const killed = await killForGood('numbers');
  await nextAnswers('numbers', 3);
  await expect(page.getByTestId('answer-recovered')).toContainText('recovered from parity');
  const text = (await page.getByTestId('tensor-difference').textContent()) ?? '';
  expect(Number(/first answer by (\S+),/.exec(text)?.[1])).toBeLessThanOrEqual(TOLERANCE);
  await reviveAll(killed, 'numbers');
});

/** Opens the panel of a network in a separate browser. Cameras and microphones are arguments of its process. */
async function withDevices(
  {
    playwright,
    launchOptions,
  }: { playwright: typeof import('@playwright/test'); launchOptions: { args?: string[] } },
  args: readonly string[],
  network: string,
  check: (opened: Page) => Promise<void>,
): Promise<void> {
  const browser: Browser = await playwright.chromium.launch({
    ...launchOptions,
    args: [...(launchOptions.args ?? []), ...args],
  });
  try {
    const opened = await openDashboard(browser, product, errors);
    await show(network, opened);
    await check(opened);
  } finally {
    await browser.close();
  }
}

const FAKE = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
const DENIED = ['--use-fake-device-for-media-stream', '--deny-permission-prompts'];

test('the camera is read', async ({ playwright, launchOptions }) => {
  await withDevices({ playwright, launchOptions } as never, FAKE, 'faces', async (opened) => {
    await panel(opened).getByRole('radio', { name: 'Camera' }).click();
    await panel(opened).getByRole('button', { name: 'Start the camera' }).click();
    // Chromium's camera shows a pattern without a face.
    await expect(opened.getByTestId('face-count')).toHaveText('No face', { timeout: 20_000 });
    await expect(panel(opened).getByRole('button', { name: 'Camera off' })).toBeVisible();
  });
});

test('a camera without permission is reported, and the other sources work', async ({
  playwright,
  launchOptions,
}) => {
  await withDevices({ playwright, launchOptions } as never, DENIED, 'line-reader', async (opened) => {
    await panel(opened).getByRole('radio', { name: 'Camera' }).click();
    await panel(opened).getByRole('button', { name: 'Start the camera' }).click();
    await expect(panel(opened).getByText('The camera is not allowed for this page.')).toBeVisible();
    await panel(opened).getByRole('radio', { name: 'Type' }).click();
    await expect(panel(opened).getByRole('alert')).toHaveCount(0);
    await opened.getByLabel('Line of text').fill(LINE);
    await expect(opened.getByTestId('line-text')).toHaveText(LINE, { timeout: 20_000 });
  });
});

test('the microphone is heard', async ({ playwright, launchOptions }) => {
  await withDevices({ playwright, launchOptions } as never, FAKE, 'voice-activity', async (opened) => {
    await panel(opened).getByRole('radio', { name: 'Microphone' }).click();
    await expect(opened.getByTestId('voice-result')).toHaveText('?');
    await panel(opened).getByRole('button', { name: 'Start the microphone' }).click();
    // Chromium's microphone beeps once a second, which is no speech.
    await expect(opened.getByTestId('voice-result')).toHaveText('No speech', { timeout: 20_000 });
  });
});

test('a microphone without permission is reported, and the sample works', async ({
  playwright,
  launchOptions,
}) => {
  await withDevices({ playwright, launchOptions } as never, DENIED, 'voice-activity', async (opened) => {
    await panel(opened).getByRole('radio', { name: 'Microphone' }).click();
    await panel(opened).getByRole('button', { name: 'Start the microphone' }).click();
    await expect(panel(opened).getByText('The microphone is not allowed for this page.')).toBeVisible();
    await panel(opened).getByRole('radio', { name: 'Sample' }).click();
    await expect(panel(opened).getByRole('alert')).toHaveCount(0);
    await expect(opened.getByTestId('voice-result')).toHaveText('Speech', { timeout: 20_000 });
  });
  expect(errors).toEqual([]);
});
