import { once } from 'node:events';
import { type Browser, type BrowserServer, chromium, type Page } from '@playwright/test';
import { type Product, repositoryRoot } from '@sparewheel/e2e/product';
import { io } from 'socket.io-client';
import { ensureBrowser } from '../../../scripts/browser.mjs';
import { processorSeconds, processTree } from '../process-tree.ts';
import { type PageCost, PageMeter } from './page-meter.ts';

/**
 * What is open during a load. `control` is an empty page that computes as much as the live page and asks the server
 * for nothing. `connection` receives what a page receives and draws nothing.
 */
export const VIEWERS = ['none', 'live', 'stage', 'control', 'connection'] as const;
export type ViewerKind = (typeof VIEWERS)[number];

const PATHS = { live: '/?deployment=lenet5', stage: '/stage?deployment=lenet5' } as const;
const CONTROL_EVERY_MS = 1_000;

export interface Viewer {
  /** Measures the viewer over `ms`. A connection has no cost, because it is part of the benchmark. */
  measure(ms: number): Promise<ViewerCost | null>;
  close(): Promise<void>;
}

export interface ViewerCost {
  /** Processor time of all processes of the browser ÷ elapsed time. */
  readonly browser: number;
  readonly page: PageCost;
}

/** @param share  the processor time of the control, as a share of a core */
export async function openViewer(product: Product, kind: ViewerKind, share: number): Promise<Viewer> {
  if (kind === 'none') return { measure: async () => null, close: async () => {} };
  if (kind === 'connection') {
    const socket = io(`${product.url}/ui`, {
      transports: ['websocket'],
      auth: { token: product.tokens.operator },
      forceNew: true,
    });
    await once(socket as never, 'snapshot');
    return { measure: async () => null, close: async () => void socket.disconnect() };
  }
  const opened = await openBrowser();
  const page = await (await opened.browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
  let stop = () => {};
  if (kind === 'control') {
    stop = await burn(page, opened.server, share);
  } else {
    await page.goto(`${product.url}/?token=${product.tokens.operator}`);
    await page.goto(`${product.url}${PATHS[kind]}`);
    await page.getByTestId('lane-uncoded').waitFor();
  }
  const meter = await PageMeter.attach(page);
  return {
    async measure(ms) {
      const before = browserSeconds(opened.server);
      const cost = await meter.measure(ms);
      return { browser: (browserSeconds(opened.server) - before) / cost.seconds, page: cost };
    },
    async close() {
      stop();
      await opened.browser.close();
      await opened.server.close();
    },
  };
}

async function openBrowser(): Promise<{ browser: Browser; server: BrowserServer }> {
  const executable = ensureBrowser(repositoryRoot);
  if (executable === null) throw new Error('no browser found; install Chromium or set CHROMIUM_PATH');
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const server = await chromium.launchServer({ executablePath: executable, args });
  return { server, browser: await chromium.connect(server.wsEndpoint()) };
}

function browserSeconds(server: BrowserServer): number {
  return processorSeconds(processTree(server.process().pid!));
}

/**
 * Makes a page compute, and adjusts the work until the browser has used the given share of a core. Wall-clock time would
 * not do: on a busy machine, the page does not run all the time.
 * @returns ends the adjustment
 */
async function burn(page: Page, server: BrowserServer, share: number): Promise<() => void> {
  await page.setContent('<p>control</p>');
  await page.evaluate(`
    var work = 1e5;
    var sink = 0;
    setInterval(() => { for (let i = 0; i < work; i++) sink += Math.sqrt(i); }, 20);`);
  let last = browserSeconds(server);
  let lastAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const used = browserSeconds(server);
    const actual = (used - last) / ((now - lastAt) / 1_000);
    [last, lastAt] = [used, now];
    const factor = Math.min(2, Math.max(0.5, share / Math.max(actual, 0.01)));
    page.evaluate(`work *= ${factor}`).catch(() => {});
  }, CONTROL_EVERY_MS);
  return () => clearInterval(timer);
}
