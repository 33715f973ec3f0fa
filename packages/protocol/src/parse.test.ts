import { describe, expect, it } from 'vitest';
import {
  InvalidMessageError,
  parseBlobChunk,
  parseFault,
  parseFromDevice,
  parseRetain,
  parseTask,
} from './parse.ts';

describe('parse', () => {
  it('names the event and the invalid field', () => {
    const blob = { sha256: 'a'.repeat(64), bytes: 3 };
    const task = { task: 1, graph: blob, weights: { ...blob, bytes: -1 }, feeds: ['x'], fetches: ['y'] };
    expect(() => parseTask(task)).toThrow(/^invalid load: weights\.bytes: /);
    expect(() => parseTask(undefined)).toThrow(InvalidMessageError);
    expect(() => parseRetain({ blobs: ['../../etc/passwd'] })).toThrow(/^invalid retain: blobs\.0: /);
    expect(() => parseBlobChunk({ ...blob, offset: 0, data: 'text' })).toThrow(/^invalid blob: data: /);
  });

  it('fills in the defaults of a fault', () => {
    expect(parseFault({ kind: 'corrupt' })).toEqual({ kind: 'corrupt', amount: 1, probability: 1 });
    expect(() => parseFault({ kind: 'slow', factor: 0 })).toThrow(InvalidMessageError);
  });

  it('rejects messages of a data plane from a device', () => {
    expect(() => parseFromDevice({ kind: 'cancel', request: 1, task: 1 })).toThrow("does not send 'cancel'");
  });
});
