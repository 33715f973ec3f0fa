/** What a page costs its browser, as Chromium itself counts it. */
import type { CDPSession, Page } from '@playwright/test';

export interface PageCost {
  readonly seconds: number;
  /**
   * Share of one core that the page's main thread used, and of that scripts, styles and layout. Its processor time, not
   * the clock's: what else runs on the machine does not count.
   */
  readonly mainThread: number;
  readonly script: number;
  readonly style: number;
  readonly layout: number;
  /** Frames that took longer than 50 ms (long animation frames), and the longest of them in ms; 0 where there was none. */
  readonly longFrames: number;
  readonly longestFrameMs: number;
}

/** Run in the page, where they collect the durations of long animation frames. */
const BEGIN = `
  longFrames = [];
  longFrameObserver = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longFrames.push(duration);
  });
  longFrameObserver.observe({ type: 'long-animation-frame' });`;
const END = 'longFrameObserver.disconnect(); longFrames';

type Metrics = Readonly<Record<string, number>>;

export class PageMeter {
  readonly #page: Page;
  readonly #session: CDPSession;

  private constructor(page: Page, session: CDPSession) {
    this.#page = page;
    this.#session = session;
  }

  static async attach(page: Page): Promise<PageMeter> {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    await session.send('HeapProfiler.enable');
    return new PageMeter(page, session);
  }

  /** Watches the page for so long. */
  async watch(ms: number): Promise<PageCost> {
    await this.#page.evaluate(BEGIN);
    const before = await this.#metrics();
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    const seconds = (performance.now() - start) / 1000;
    const after = await this.#metrics();
    const frames = await this.#page.evaluate<number[]>(END);
    const share = (name: string) => (after[name]! - before[name]!) / seconds;
    return {
      seconds,
      mainThread: share('TaskDuration'),
      script: share('ScriptDuration'),
      style: share('RecalcStyleDuration'),
      layout: share('LayoutDuration'),
      longFrames: frames.length,
      longestFrameMs: Math.max(0, ...frames),
    };
  }

  /** What is reachable: garbage is collected first. */
  async memory(): Promise<{ heapBytes: number; nodes: number; listeners: number }> {
    await this.#session.send('HeapProfiler.collectGarbage');
    const { JSHeapUsedSize, Nodes, JSEventListeners } = await this.#metrics();
    return { heapBytes: JSHeapUsedSize!, nodes: Nodes!, listeners: JSEventListeners! };
  }

  async #metrics(): Promise<Metrics> {
    const { metrics } = await this.#session.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }
}
