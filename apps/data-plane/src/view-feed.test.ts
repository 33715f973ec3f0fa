import { setImmediate as turn } from 'node:timers/promises';
import type { DataPlaneMessage } from '@sparewheel/data-plane-client';
import { afterEach, describe, expect, it } from 'vitest';
import { ViewFeed, type ViewSources } from './view-feed.ts';

/** A data plane without devices and deployments. */
const EMPTY = {
  coordinator: { snapshot: () => ({ devices: [], deployments: [] }) },
  registry: { devices: [] },
  distributor: { preloads: [] },
  deployments: { releaseReplaced: () => {}, latencyViews: () => [] },
} as unknown as ViewSources;

let feed: ViewFeed;
afterEach(() => feed.stop());

describe('the view feed', () => {
  it('posts a new state at once, and concurrent changes together', async () => {
    const posted: DataPlaneMessage[] = [];
    feed = new ViewFeed(EMPTY, (message) => posted.push(message));
    feed.start();
    feed.changed();
    await turn();
    expect(posted).toHaveLength(0);
    feed.changedState();
    feed.changedState();
    // Not before the current event is over.
    expect(posted).toHaveLength(0);
    await turn();
    expect(posted).toHaveLength(1);
  });

  it('posts nothing after it is stopped', async () => {
    const posted: DataPlaneMessage[] = [];
    feed = new ViewFeed(EMPTY, (message) => posted.push(message));
    feed.start();
    feed.changedState();
    feed.stop();
    await turn();
    expect(posted).toEqual([]);
  });
});
