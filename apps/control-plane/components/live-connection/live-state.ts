import type { UiServerEvents } from '@sparewheel/protocol';
import { shareUnchanged } from './structural-sharing.ts';

type Snapshot = Parameters<UiServerEvents['snapshot']>[0];
type Lists = Pick<Snapshot, 'devices' | 'deployments' | 'models' | 'latency'>;

/** `signed-out` the server is there and refuses this session; `lost` it cannot be reached and is being tried again. */
export type Connection = 'connecting' | 'live' | 'lost' | 'signed-out';

/** Everything that the server has said. */
export interface LiveState extends Snapshot {
  readonly connection: Connection;
  /** A snapshot has come at least once: what is shown may be old, but it is real. */
  readonly loaded: boolean;
}

export type LiveMessage =
  | { readonly kind: 'connection'; readonly connection: Connection }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'event'; readonly event: Snapshot['events'][number] }
  | { readonly [K in keyof Lists]: { readonly kind: K; readonly list: Lists[K] } }[keyof Lists];

/** The server keeps the whole history; the page shows the end of it. */
export const EVENTS_SHOWN = 200;

export const NOTHING_YET: LiveState = {
  connection: 'connecting',
  loaded: false,
  at: '',
  devices: [],
  deployments: [],
  models: [],
  latency: [],
  events: [],
  startedAt: '',
  inferenceUrl: '',
};

/** Returns the state of the first paint: the snapshot that the server took for it, or nothing. */
export function firstState(snapshot: Snapshot | null): LiveState {
  if (snapshot === null) return NOTHING_YET;
  return { ...applyMessage(NOTHING_YET, { kind: 'snapshot', snapshot }), connection: 'connecting' };
}

/** The state after a message. Whatever did not change keeps its identity, so that what draws it may rest. */
export function applyMessage(state: LiveState, message: LiveMessage): LiveState {
  switch (message.kind) {
    case 'connection':
      return state.connection === message.connection ? state : { ...state, connection: message.connection };
    case 'snapshot':
      return {
        ...message.snapshot,
        events: newestFirst(message.snapshot.events),
        connection: 'live',
        loaded: true,
      };
    case 'event':
      return { ...state, events: newestFirst([message.event, ...state.events]) };
    default: {
      const list = shareUnchanged<unknown>(state[message.kind], message.list);
      return list === state[message.kind] ? state : { ...state, [message.kind]: list };
    }
  }
}

/** Sorted by id, newest first, each once, bounded: a snapshot and a push may carry the same event. */
function newestFirst(events: Snapshot['events']): Snapshot['events'] {
  const byId = new Map(events.map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => b.id - a.id).slice(0, EVENTS_SHOWN);
}
