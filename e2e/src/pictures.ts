/**
 * Creates the README's pictures from the running product: `npm run pictures`.
 * docs/images/dashboard.png: a dead device under load. docs/images/kill.gif: the seconds around the kill.
 * docs/images/duel-{light,dark}.png, kill-card-{light,dark}.png, stage-{light,dark}.png: coded against uncoded after a kill.
 * docs/images/phone-{light,dark}.png: a phone that serves a shard.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from '@playwright/test';
import sharp from 'sharp';
import { drawStroke, SEVEN } from './drawing.ts';
import { Product, repositoryRoot } from './product.ts';
import { untilLive } from './shared.ts';

const FRAMES = 44;
const FRAME_MS = 160;
/** Frame numbers of the kill and the revival. */
const KILL_AT = 8;
const REVIVE_AT = 28;
const GIF_WIDTH = 960;

const images = join(repositoryRoot, 'docs', 'images');

/** How long the lanes fill before the kill, and how long the stall and its end take. */
const BEFORE_KILL_MS = 8_000;
const AFTER_KILL_MS = 6_000;

/** Pictures of the duel, of its kill card, and of the stage, in both themes. */
async function duelPictures(browser: Browser): Promise<void> {
  const product = await Product.start({ twin: true });
  try {
    await product.api('/api/deployments/lenet5/load', {
      method: 'POST',
      json: { mode: 'closed', concurrency: 2 },
    });
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, colorScheme });
      const page = await context.newPage();
      await page.goto(`${product.url}/?token=${product.tokens.operator}`);
      await untilLive(page);
      const stage = await context.newPage();
      await stage.setViewportSize({ width: 1280, height: 720 });
      await stage.goto(`${product.url}/stage?deployment=lenet5`);
      await page.waitForTimeout(BEFORE_KILL_MS);
      const device = page.locator('[data-testid^="device-local-"][data-role="data"]').nth(1);
      await device.getByRole('button', { name: /^Kill/ }).click();
      await page.waitForTimeout(AFTER_KILL_MS);
      await stage.screenshot({ path: join(images, `stage-${colorScheme}.png`) });
      const duel = page.getByRole('region', { name: 'Coded against uncoded' });
      await duel.screenshot({ path: join(images, `duel-${colorScheme}.png`) });
      await duel.getByTestId('kill-card').screenshot({ path: join(images, `kill-card-${colorScheme}.png`) });
      await context.close();
      for (const { id, state } of await product.devices()) {
        if (state === 'dead') await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
      }
      await product.deploymentState('lenet5', 'ready');
    }
  } finally {
    await product.stop();
    product.removeHome();
  }
}

/** Pictures of the page of a phone that has a seat. Without two local devices, the next standby is the phone. */
async function phonePictures(browser: Browser): Promise<void> {
  const product = await Product.start();
  try {
    for (const seat of [1, 2])
      await product.fault((await product.holderOf('lenet5', seat)).id, { kind: 'kill' });
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme });
      const page = await context.newPage();
      const name = `phone-${colorScheme}`;
      await page.goto(`${product.url}/join#token=${product.tokens.join}&name=${name}`);
      await product.eventually('the phone has a seat', async () => {
        const { state, progress } = await product.deployment('lenet5');
        return state === 'ready' && progress.seats.some(({ deviceName }) => deviceName === name);
      });
      await product.api('/api/deployments/lenet5/load', {
        method: 'POST',
        json: { mode: 'closed', concurrency: 2 },
      });
      await page.waitForTimeout(AFTER_KILL_MS);
      await page.screenshot({ path: join(images, `phone-${colorScheme}.png`) });
      await product.api('/api/deployments/lenet5/load', { method: 'DELETE' });
      await context.close();
    }
  } finally {
    await product.stop();
    product.removeHome();
  }
}

async function main(): Promise<void> {
  mkdirSync(images, { recursive: true });
  const executablePath = process.env.CHROMIUM_PATH;
  const product = await Product.start();
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, colorScheme: 'light' });
    await page.goto(`${product.url}/?token=${product.tokens.operator}`);
    await page.getByTestId('device-local-1').waitFor();
    await drawStroke(page.getByTestId('digit-canvas'), SEVEN);
    await page.getByLabel('Requests in flight').fill('2');
    await page.getByRole('button', { name: 'Start load' }).click();
    await product.eventually(
      '300 answers',
      async () => (await product.latency('lenet5')).counts.answered > 300,
    );

    const device = page.locator('[data-testid^="device-local-"][data-role="data"]').nth(1);
    const name = (await device.getAttribute('data-testid'))?.replace('device-', '') ?? '';
    const frames: Buffer[] = [];
    for (let frame = 0; frame < FRAMES; frame++) {
      if (frame === KILL_AT) await page.getByRole('button', { name: new RegExp(`^Kill ${name}`) }).click();
      if (frame === REVIVE_AT) {
        await page.screenshot({ path: join(images, 'dashboard.png') });
        await page.getByRole('button', { name: new RegExp(`^Revive ${name}`) }).click();
      }
      const clip = { x: 0, y: 0, width: 1440, height: 680 };
      frames.push(
        await sharp(await page.screenshot({ clip }))
          .resize(GIF_WIDTH)
          .png()
          .toBuffer(),
      );
      await page.waitForTimeout(FRAME_MS / 2);
    }
    await sharp(frames, { join: { animated: true } })
      .gif({ delay: frames.map(() => FRAME_MS), loop: 0, colors: 64, interFrameMaxError: 6 })
      .toFile(join(images, 'kill.gif'));
    await product.api('/api/deployments/lenet5/load', { method: 'DELETE' });
    await page.close();
    await duelPictures(browser);
    await phonePictures(browser);
  } finally {
    await browser.close();
    await product.stop();
    product.removeHome();
  }
}

await main();
