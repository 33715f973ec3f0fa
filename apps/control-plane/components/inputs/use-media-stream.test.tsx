// @vitest-environment happy-dom
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MediaSource, useMediaStream } from './use-media-stream.ts';

/** A stream with one track, as the browser gives it. */
class FakeStream {
  stopped = 0;
  ended = () => {};
  getTracks() {
    return [
      { stop: () => this.stopped++, addEventListener: (_: string, on: () => void) => (this.ended = on) },
    ];
  }
}

interface Question {
  readonly resolve: (stream: FakeStream) => void;
  readonly reject: (error: Error) => void;
}

let asked: Question[] = [];
let uses = { begun: 0, ended: 0 };

beforeEach(() => {
  asked = [];
  uses = { begun: 0, ended: 0 };
  vi.stubGlobal('navigator', {
    mediaDevices: {
      getUserMedia: () => new Promise<FakeStream>((resolve, reject) => asked.push({ resolve, reject })),
    },
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function media(change: Partial<MediaSource> = {}) {
  return renderHook(() =>
    useMediaStream({
      name: 'camera',
      alternative: 'use a picture',
      constraints: {},
      use: async () => {
        uses.begun++;
        return () => uses.ended++;
      },
      ...change,
    }),
  );
}
type Hook = ReturnType<typeof media>;

const start = (hook: Hook) => act(async () => void hook.result.current.start());
const stop = (hook: Hook) => act(async () => hook.result.current.stop());
const give = (stream: FakeStream, at = 0) => act(async () => asked[at]!.resolve(stream));
const state = (hook: Hook) => hook.result.current.media;

describe('a camera or microphone', () => {
  it('is used from its start to its stop', async () => {
    const hook = media();
    const stream = new FakeStream();
    await start(hook);
    expect(state(hook)).toEqual({ state: 'asking' });
    await give(stream);
    expect([state(hook).state, uses.begun, stream.stopped]).toEqual(['on', 1, 0]);
    await stop(hook);
    expect([state(hook).state, uses.ended, stream.stopped]).toEqual(['off', 1, 1]);
  });

  it('stays off if it is stopped while the browser asks', async () => {
    const hook = media();
    const stream = new FakeStream();
    await start(hook);
    await stop(hook);
    await give(stream);
    expect([state(hook).state, uses.begun, stream.stopped]).toEqual(['off', 0, 1]);
  });

  it('ends a use that begins after the stop', async () => {
    let begin = (_: () => void) => {};
    const hook = media({ use: () => new Promise((resolve) => (begin = resolve)) });
    const stream = new FakeStream();
    await start(hook);
    await give(stream);
    await stop(hook);
    expect(stream.stopped).toBe(1);
    const ended = vi.fn();
    await act(async () => begin(ended));
    expect([state(hook).state, ended.mock.calls.length]).toEqual(['off', 1]);
  });

  it('uses only the stream of the latest start', async () => {
    const hook = media();
    const [first, second] = [new FakeStream(), new FakeStream()];
    await start(hook);
    await start(hook);
    await give(second, 1);
    await give(first, 0);
    expect([state(hook).state, uses.begun, first.stopped, second.stopped]).toEqual(['on', 1, 1, 0]);
  });

  it('stops when the component unmounts, also while the browser asks', async () => {
    const hook = media();
    const stream = new FakeStream();
    await start(hook);
    hook.unmount();
    await give(stream);
    expect([uses.begun, stream.stopped]).toEqual([0, 1]);
  });

  it('says that it was disconnected', async () => {
    const hook = media();
    const stream = new FakeStream();
    await start(hook);
    await give(stream);
    await act(async () => stream.ended());
    expect(state(hook)).toEqual({
      state: 'refused',
      problem: 'The camera was disconnected. Connect it and start it again.',
    });
    expect([uses.ended, stream.stopped]).toEqual([1, expect.any(Number)]);
  });

  it.each([
    ['NotAllowedError', 'The camera is not allowed for this page.'],
    ['NotFoundError', 'Connect one and try again, or use a picture.'],
    ['NotReadableError', 'Close other programs that use it'],
    ['StrangeError', 'only this source'],
  ])('explains %s', async (name, text) => {
    const hook = media({ explain: (error) => (error === 'StrangeError' ? 'only this source' : null) });
    await start(hook);
    await act(async () => asked[0]!.reject(new DOMException('raw text', name)));
    expect(state(hook)).toEqual({ state: 'refused', problem: expect.stringContaining(text) });
  });
});
