// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { whileVisible } from './while-visible.ts';

let see: (visible: boolean) => void = () => {};
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', (paint: () => void) => void paint());
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      constructor(report: (entries: { isIntersecting: boolean }[]) => void) {
        see = (isIntersecting) => report([{ isIntersecting }]);
      }
      observe() {}
      disconnect() {}
    },
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('paints regularly while the element is on the screen, until it is ended', () => {
  const paint = vi.fn();
  const end = whileVisible(document.body, 100, paint);
  vi.advanceTimersByTime(300);
  expect(paint).toHaveBeenCalledTimes(3);
  see(false);
  vi.advanceTimersByTime(300);
  expect(paint).toHaveBeenCalledTimes(3);
  see(true);
  vi.advanceTimersByTime(100);
  expect(paint).toHaveBeenCalledTimes(4);
  end();
  vi.advanceTimersByTime(300);
  expect(paint).toHaveBeenCalledTimes(4);
  expect(vi.getTimerCount()).toBe(0);
});

it('shares one timer between pictures of the same interval', () => {
  const paints = [vi.fn(), vi.fn()];
  const ends = paints.map((paint) => whileVisible(document.body, 100, paint));
  expect(vi.getTimerCount()).toBe(1);
  ends[0]?.();
  vi.advanceTimersByTime(100);
  expect(paints.map((paint) => paint.mock.calls.length)).toEqual([0, 1]);
  ends[1]?.();
  expect(vi.getTimerCount()).toBe(0);
});
