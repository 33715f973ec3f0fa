/** The product as an operator of a large fleet has it: many devices, several deployments, one of them under load. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { Product } from '@sparewheel/e2e/product';

export const DEVICES = 100;
/** Six data and two parity devices each; the planner may choose the same ones again. The others are spares. */
const DEPLOYMENTS = ['lenet5', 'second', 'third', 'fourth', 'fifth'] as const;
const K = 6;
const R = 2;
/** Enough that every push has something new, and far from what a small machine can bear. */
export const RATE_PER_SECOND = 10;

const lenet5 = fileURLToPath(import.meta.resolve('@sparewheel/zoo/models/lenet5.onnx'));

export class Scene {
  readonly product: Product;
  readonly #fleet: ChildProcess;

  private constructor(product: Product, fleet: ChildProcess) {
    this.product = product;
    this.#fleet = fleet;
  }

  static async open(log: (line: string) => void): Promise<Scene> {
    const product = await Product.start({ args: ['--no-fleet', '--no-demo'], withoutDemo: true });
    const fleet = fork(
      fileURLToPath(new URL('./simulated-fleet.ts', import.meta.url)),
      [product.dataUrl, product.tokens.join, String(DEVICES)],
      { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    const scene = new Scene(product, fleet);
    try {
      await product.eventually(
        `${DEVICES} devices`,
        async () => (await product.devices()).filter(({ state }) => state === 'ready').length === DEVICES,
      );
      await product.api('/api/models?name=lenet5', { method: 'POST', body: readFileSync(lenet5) });
      for (const name of DEPLOYMENTS) {
        await product.api('/api/deployments', {
          method: 'POST',
          json: { name, model: 'lenet5', k: K, r: R, layers: 'all' },
        });
        await product.deploymentState(name, 'ready');
      }
    } catch (error) {
      await scene.close();
      throw error;
    }
    log(`  ${DEVICES} simulated devices, ${DEPLOYMENTS.length} deployments of ${K} + ${R}`);
    return scene;
  }

  get load(): string {
    return `/api/deployments/${DEPLOYMENTS[0]}/load`;
  }

  /** Arrivals of a Poisson process until the returned function is called. */
  async startLoad(): Promise<() => Promise<void>> {
    await this.product.api(this.load, {
      method: 'POST',
      json: { mode: 'open', ratePerSecond: RATE_PER_SECOND },
    });
    return async () => {
      await this.product.api(this.load, { method: 'DELETE' });
    };
  }

  /** A page of its own browser profile, with nothing in the cache, when it can be used. @returns how long that took */
  async visit(browser: Browser, path = '/'): Promise<{ page: Page; usableMs: number }> {
    const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    const { origin, token } = { origin: this.product.url, token: this.product.tokens.operator };
    const start = performance.now();
    await page.goto(`${origin}/?token=${token}`, { waitUntil: 'commit' });
    await page
      .getByRole('button', { name: /^Kill simulated-/ })
      .first()
      .click({ trial: true, timeout: 120_000 });
    const usableMs = performance.now() - start;
    if (path !== '/') await page.goto(`${origin}${path}`);
    return { page, usableMs };
  }

  async close(): Promise<void> {
    if (this.#fleet.exitCode === null && this.#fleet.signalCode === null) {
      const ended = once(this.#fleet, 'exit');
      this.#fleet.kill('SIGKILL');
      await ended;
    }
    await this.product.stop();
    this.product.removeHome();
  }
}

/**
 * @param polite  scheduled only when nothing else wants the processor, so that on one machine with the server a browser
 *   takes what is left over, as one on a machine of its own would. By chrt where it is, since Chromium sets its own nice
 *   values; and for its session as a whole, since Linux shares the processor out among sessions first
 */
export async function launchBrowser({ polite = false } = {}): Promise<Browser> {
  const executable = process.env.CHROMIUM_PATH ?? chromium.executablePath();
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  if (!polite) return chromium.launch({ executablePath: executable, args });
  const folder = mkdtempSync(join(tmpdir(), 'sparewheel-bench-'));
  const script = join(folder, 'polite-browser');
  writeFileSync(
    script,
    `#!/bin/sh\n[ -w /proc/self/autogroup ] && echo 19 > /proc/self/autogroup\ncommand -v chrt >/dev/null && exec chrt --idle 0 '${executable}' "$@"\nexec nice -n 19 '${executable}' "$@"\n`,
  );
  chmodSync(script, 0o700);
  const browser = await chromium.launch({ executablePath: script, args });
  browser.once('disconnected', () => rmSync(folder, { recursive: true, force: true }));
  return browser;
}
