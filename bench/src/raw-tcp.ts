import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A process of the raw TCP baseline (raw-tcp-peer.ts) and the connection to it. */
export interface RawPeer {
  readonly child: ChildProcess;
  readonly socket: Socket;
}

/** What a peer does with a request before it answers. `file` is the model, or the place to store the request. */
export type RawWork =
  | { readonly kind: 'discard' }
  | { readonly kind: 'engine' | 'store'; readonly file: string };

/** Starts a peer that sends `answerBytes` after each `requestBytes` it receives. @throws {Error} it ended at once */
export async function startRawPeer(
  requestBytes: number,
  answerBytes: number,
  work: RawWork = { kind: 'discard' },
): Promise<RawPeer> {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const file = work.kind === 'discard' ? [] : [work.file];
  const child = fork(
    fileURLToPath(new URL('./raw-tcp-peer.ts', import.meta.url)),
    [...[port, requestBytes, answerBytes].map(String), work.kind, ...file],
    { execArgv: ['--import', 'tsx'] },
  );
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a raw TCP peer ended with code ${code}`);
  });
  ended.catch(() => {});
  const [socket] = (await Promise.race([once(server, 'connection'), ended])) as [Socket];
  server.close();
  return { child, socket };
}

export async function stopRawPeers(peers: readonly RawPeer[]): Promise<void> {
  await Promise.all(
    peers.map(async ({ child, socket }) => {
      const ended = once(child, 'exit');
      socket.destroy();
      child.disconnect();
      await ended;
    }),
  );
}
