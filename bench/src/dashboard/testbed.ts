import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { Product, repositoryRoot } from '@sparewheel/e2e/product';
import { ensureBrowser } from '../../../scripts/browser.mjs';

export const DEVICES = 100;
/**
 * Each has six data and two parity devices. Deployments may share devices; the other devices are standbys.
 */
const DEPLOYMENTS = ['lenet5', 'second', 'third', 'fourth', 'fifth'] as const;
const K = 6;
const R = 2;
/** Enough for news in every push, and far below the capacity of a small machine. */
export const RATE_PER_SECOND = 10;

const lenet5 = fileURLToPath(import.meta.resolve('@sparewheel/zoo/models/lenet5.onnx'));

/** The product with many simulated devices and several deployments. */
export class Testbed {
  readonly product: Product;
  readonly #fleet: ChildProcess;

  private constructor(product: Product, fleet: ChildProcess) {
    this.product = product;
    this.#fleet = fleet;
  }

  static async open(log: (line: string) => void): Promise<Testbed> {
    const product = await Product.start({ args: ['--no-fleet', '--no-demo'], withoutDemo: true });
    const fleet = fork(
      fileURLToPath(new URL('./simulated-fleet.ts', import.meta.url)),
      [product.dataUrl, product.tokens.join, String(DEVICES)],
      { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    const testbed = new Testbed(product, fleet);
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
      await testbed.close();
      throw error;
    }
    log(`  ${DEVICES} simulated devices, ${DEPLOYMENTS.length} deployments of ${K} + ${R}`);
    return testbed;
  }

  /** API path of the load on the first deployment. */
  get loadPath(): string {
    return `/api/deployments/${DEPLOYMENTS[0]}/load`;
  }

  /** Starts a Poisson load on the first deployment. @returns a function that stops it */
  async startLoad(): Promise<() => Promise<void>> {
    await this.product.api(this.loadPath, {
      method: 'POST',
      json: { mode: 'open', ratePerSecond: RATE_PER_SECOND },
    });
    return async () => {
      await this.product.api(this.loadPath, { method: 'DELETE' });
    };
  }

  /**
   * Opens a page in a new browser profile with an empty cache.
   * @returns the page, and the time until its first Kill button accepted a click
   */
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
 * Launches the browser that the end-to-end tests use.
 * @param lowPriority  runs the browser only on idle processor time, so that it does not slow down the server
 *   on the same machine. Uses chrt if available, because Chromium sets its own nice values, and lowers the
 *   priority of the whole session, because Linux divides processor time among sessions first
 * @throws {Error} no browser is installed and none could be installed
 */
export async function launchBrowser({ lowPriority = false } = {}): Promise<Browser> {
  const executable = ensureBrowser(repositoryRoot);
  if (executable === null) throw new Error('no browser found; install Chromium or set CHROMIUM_PATH');
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  if (!lowPriority) return chromium.launch({ executablePath: executable, args });
  const folder = mkdtempSync(join(tmpdir(), 'sparewheel-bench-'));
  const script = join(folder, 'low-priority-browser');
  writeFileSync(
    script,
    `#!/bin/sh\n[ -w /proc/self/autogroup ] && echo 19 > /proc/self/autogroup\ncommand -v chrt >/dev/null && exec chrt --idle 0 '${executable}' "$@"\nexec nice -n 19 '${executable}' "$@"\n`,
  );
  chmodSync(script, 0o700);
  const browser = await chromium.launch({ executablePath: script, args });
  browser.once('disconnected', () => rmSync(folder, { recursive: true, force: true }));
  return browser;
}
