import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A process of the raw TCP baseline (raw-tcp-peer.ts) and a connection to it. */
export interface RawPeer {
  readonly child: ChildProcess;
  readonly socket: Socket;
}

/** Starts a peer that sends `answerBytes` after each `requestBytes` it receives. */
export async function startRawPeer(requestBytes: number, answerBytes: number): Promise<RawPeer> {
  const child = fork(
    fileURLToPath(new URL('./raw-tcp-peer.ts', import.meta.url)),
    [String(requestBytes), String(answerBytes)],
    { execArgv: ['--import', 'tsx'] },
  );
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return { child, socket };
}

export async function stopRawPeers(peers: readonly RawPeer[]): Promise<void> {
  for (const { child, socket } of peers) {
    socket.destroy();
    child.disconnect();
  }
  await Promise.all(peers.map(({ child }) => child.exitCode ?? once(child, 'exit')));
}
