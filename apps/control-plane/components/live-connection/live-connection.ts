import { UI_HEARTBEAT_MS, type UiServerEvents } from '@sparewheel/protocol';
import type { QueryClient } from '@tanstack/react-query';
import { io, type Socket } from 'socket.io-client';
import { create } from 'zustand';
import { beginSilence, endSilence, forgetAnswers, receiveAnswers } from '../duel/answer-store.ts';
import { writeEvent, writeLive, writeSnapshot } from './live-queries.ts';

/**
 * `silent`: connected, but the server has sent nothing for `SILENT_AFTER_MS`, not even a heartbeat. `lost`: the server is
 * unreachable; the page reconnects. `signed-out`: the server refuses this session.
 */
export type Connection = 'connecting' | 'live' | 'silent' | 'lost' | 'signed-out';

/** Without a message for this long, the page shows old data. Two heartbeats may be late. */
export const SILENT_AFTER_MS = 2.5 * UI_HEARTBEAT_MS;
const CHECK_MS = 500;

interface ConnectionState {
  readonly connection: Connection;
  /** When the last message came, in ms since 1970; null while messages come. */
  readonly silentSince: number | null;
}

const connectionStore = create<ConnectionState>(() => ({ connection: 'connecting', silentSince: null }));

export function useConnection(): Connection {
  return connectionStore(({ connection }) => connection);
}

/** Returns when the last message came, in ms since 1970; null while messages come. */
export function useSilentSince(): number | null {
  return connectionStore(({ silentSince }) => silentSince);
}

function become(connection: Connection): void {
  const old = connectionStore.getState();
  const known = connection === 'live' || connection === 'connecting';
  if (known) endSilence();
  else if (old.silentSince === null) beginSilence(heardAt);
  connectionStore.setState({ connection, silentSince: known ? null : (old.silentSince ?? heardAt) });
}

/** Delay before the next attempt after a refusal: the control plane may still be starting. */
const REFUSED_RETRY_MS = 1_500;

let socket: Socket<UiServerEvents> | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
/** When the last message came, in ms since 1970. */
let heardAt = Date.now();

/**
 * Connects to the server and writes what it pushes into the cache. Reconnects until it is ended.
 * @returns a function that ends the connection
 */
export function connect(client: QueryClient): () => void {
  const opened: Socket<UiServerEvents> = io('/ui', {
    path: '/socket.io',
    transports: ['websocket'],
    reconnectionDelay: 300,
    reconnectionDelayMax: 2_000,
  });
  socket = opened;
  const stopWatching = watchSilence(opened);
  opened.on('snapshot', (snapshot) => {
    writeSnapshot(client, snapshot);
    forgetAnswers();
    // The answers of the admin API may have changed while the connection was lost.
    if (connectionStore.getState().connection === 'lost')
      void client.invalidateQueries({ queryKey: ['api'] });
    become('live');
  });
  opened.on('devices', (list) => writeLive(client, 'devices', list));
  opened.on('deployments', (list) => writeLive(client, 'deployments', list));
  opened.on('models', (list) => writeLive(client, 'models', list));
  opened.on('latency', (list) => writeLive(client, 'latency', list));
  opened.on('answers', receiveAnswers);
  opened.on('event', (event) => writeEvent(client, event));
  opened.on('disconnect', () => lose(opened));
  opened.on('connect_error', () => lose(opened));
  return () => {
    clearTimeout(retry);
    stopWatching();
    socket = null;
    opened.disconnect();
    become('connecting');
  };
}

/** Marks the connection as silent while no message comes. @returns ends it */
function watchSilence(watched: Socket<UiServerEvents>): () => void {
  heardAt = Date.now();
  watched.onAny(() => {
    heardAt = Date.now();
    if (connectionStore.getState().connection === 'silent') become('live');
  });
  const timer = setInterval(() => {
    const { connection } = connectionStore.getState();
    if (connection === 'live' && Date.now() - heardAt > SILENT_AFTER_MS) become('silent');
  }, CHECK_MS);
  return () => clearInterval(timer);
}

/** Connects again after signing in: the next attempt sends the new cookie. */
export function reconnect(): void {
  clearTimeout(retry);
  become('connecting');
  socket?.disconnect().connect();
}

function lose(lost: Socket<UiServerEvents>): void {
  if (socket !== lost) return;
  if (connectionStore.getState().connection !== 'signed-out') become('lost');
  // Socket.IO reconnects by itself unless the server refused or closed the connection: then check the session.
  if (!lost.active) void checkSession(lost);
}

async function checkSession(lost: Socket<UiServerEvents>): Promise<void> {
  const answer = await fetch('/api/session', { credentials: 'same-origin' }).catch(() => null);
  if (socket !== lost) return;
  if (answer?.status === 401 || answer?.status === 403) {
    become('signed-out');
    return;
  }
  clearTimeout(retry);
  retry = setTimeout(() => lost.connect(), REFUSED_RETRY_MS);
}
