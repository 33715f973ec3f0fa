/** With reduced motion, pictures change in steps. */
const STILL_MS = 1_000;

interface Ticker {
  readonly ticks: Set<() => void>;
  readonly timer: ReturnType<typeof setInterval>;
}
/** By interval. Callbacks share a timer, so that the browser prepares one frame for all of them. */
const tickers = new Map<number, Ticker>();

function everyTick(everyMs: number, tick: () => void): () => void {
  let ticker = tickers.get(everyMs);
  if (ticker === undefined) {
    const ticks = new Set<() => void>();
    const timer = setInterval(() => {
      for (const each of ticks) each();
    }, everyMs);
    ticker = { ticks, timer };
    tickers.set(everyMs, ticker);
  }
  const { ticks, timer } = ticker;
  ticks.add(tick);
  return () => {
    ticks.delete(tick);
    if (ticks.size > 0) return;
    clearInterval(timer);
    tickers.delete(everyMs);
  };
}

/**
 * Calls back regularly, before the next frame, while an element is on the screen. An endless CSS animation would make the
 * browser prepare the whole page sixty times a second, even if it changes only in steps.
 * @returns ends it
 */
export function whileVisible(element: Element, everyMs: number, paint: () => void): () => void {
  const still = window.matchMedia?.('(prefers-reduced-motion: reduce)').matches ?? false;
  let frame = 0;
  let visible = true;
  const observer = new IntersectionObserver((entries) => {
    visible = entries.at(-1)?.isIntersecting ?? true;
  });
  observer.observe(element);
  const stop = everyTick(still ? Math.max(STILL_MS, everyMs) : everyMs, () => {
    if (visible && !document.hidden) frame = requestAnimationFrame(paint);
  });
  return () => {
    stop();
    cancelAnimationFrame(frame);
    observer.disconnect();
  };
}
