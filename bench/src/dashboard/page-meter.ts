import type { CDPSession, Page } from '@playwright/test';

/** The cost of a page for its browser, as Chromium measures it. */
export interface PageCost {
  readonly seconds: number;
  /**
   * Processor time of the page's main thread ÷ elapsed time, and the parts for scripts, styles and layout.
   * Other processes do not affect these figures.
   */
  readonly mainThread: number;
  readonly script: number;
  readonly style: number;
  readonly layout: number;
  /** Frames over 50 ms (long animation frames), and the longest of them; 0 if there were none. */
  readonly longFrames: number;
  readonly longestFrameMs: number;
}

/** Scripts that run in the page and collect the durations of long animation frames. */
const BEGIN = `
  longFrames = [];
  longFrameObserver = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longFrames.push(duration);
  });
  longFrameObserver.observe({ type: 'long-animation-frame' });`;
const END = 'longFrameObserver.disconnect(); longFrames';

type Metrics = Readonly<Record<string, number>>;

/** Measures one page through the Chrome DevTools Protocol. */
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

  /** Measures the page's cost over `ms`. */
  async measure(ms: number): Promise<PageCost> {
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

  /** Returns the reachable memory, after a garbage collection. */
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

export interface MemorySample {
  readonly minute: number;
  readonly heapMb: number;
  readonly nodes: number;
  readonly listeners: number;
}

const SAMPLES_PER_MINUTE = 2;

/** Samples the page's reachable memory twice a minute. The first sample is taken after half a minute. */
export async function memoryOverTime(meter: PageMeter, minutes: number): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const everyMs = 60_000 / SAMPLES_PER_MINUTE;
  for (let sample = 1; sample <= Math.max(3, minutes * SAMPLES_PER_MINUTE); sample++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const { heapBytes, nodes, listeners } = await meter.memory();
    samples.push({ minute: sample / SAMPLES_PER_MINUTE, heapMb: heapBytes / 2 ** 20, nodes, listeners });
  }
  return samples;
}

/**
 * Returns the relative growth of the mean from the second to the last third of the samples. The first third
 * is warm-up: it fills windows of recent data, which then stay full.
 */
export function growth(samples: readonly MemorySample[]): { heap: number; nodes: number } {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const mean = (part: readonly MemorySample[], of: 'heapMb' | 'nodes') =>
    part.reduce((sum, sample) => sum + sample[of], 0) / part.length;
  const between = (of: 'heapMb' | 'nodes') => {
    const before = mean(samples.slice(-2 * third, -third), of);
    return (mean(samples.slice(-third), of) - before) / before;
  };
  return { heap: between('heapMb'), nodes: between('nodes') };
}
