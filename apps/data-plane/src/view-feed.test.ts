import { setImmediate as turn } from 'node:timers/promises';
import type { DataPlaneMessage } from '@sparewheel/data-plane-client';
import { afterEach, describe, expect, it } from 'vitest';
import { ViewFeed, type ViewSources } from './view-feed.ts';

/** A data plane with nobody and nothing in it. */
const EMPTY = {
  coordinator: { snapshot: () => ({ devices: [], deployments: [] }) },
  registry: { devices: [] },
  deployments: { releaseReplaced: () => {}, latencyViews: () => [] },
} as unknown as ViewSources;

let feed: ViewFeed;
afterEach(() => feed.stop());

describe('the feed of views', () => {
  it('tells of a state at once, and once for all that happened together', async () => {
    const posted: DataPlaneMessage[] = [];
    feed = new ViewFeed(EMPTY, (message) => posted.push(message));
    feed.start();
    feed.changed();
    await turn();
    expect(posted).toHaveLength(0);
    feed.changedState();
    feed.changedState();
    // Not in the middle of what is happening.
    expect(posted).toHaveLength(0);
    await turn();
    expect(posted).toHaveLength(1);
  });

  it('says nothing more when it has been stopped', async () => {
    const posted: DataPlaneMessage[] = [];
    feed = new ViewFeed(EMPTY, (message) => posted.push(message));
    feed.start();
    feed.changedState();
    feed.stop();
    await turn();
    expect(posted).toEqual([]);
  });
});
