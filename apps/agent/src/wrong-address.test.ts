import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { wrongAddress } from './wrong-address.ts';

const servers: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server | TcpServer): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const http = (answer: RequestListener) => listen(createServer(answer));

/** Answers as the control plane does. */
const dashboard = () =>
  http(({ url, headers }, response) => {
    if (url !== '/join/data-plane') return response.writeHead(303, { location: '/sign-in' }).end();
    if (headers.authorization !== 'Bearer join') return response.writeHead(401).end('{"error":{}}');
    return response.end('{"url":"http://10.0.0.2:3001"}');
  });

describe('a wrong address', () => {
  it('of the dashboard is answered with that of the data plane', async () => {
    const address = `http://${await dashboard()}`;
    expect(await wrongAddress(address, 'join')).toBe(
      `${address} is the address of the dashboard; use --url http://10.0.0.2:3001`,
    );
    expect(await wrongAddress(address, 'other')).toContain('it refuses this token');
  });

  it('with https where there is no TLS is answered with http', async () => {
    const host = await http((_request, response) => response.end('{}'));
    expect(await wrongAddress(`https://${host}`, 'join')).toBe(
      `https://${host} has no TLS; use --url http://${host}`,
    );
  });

  it('with http where there is TLS is answered with https', async () => {
    // Without a certificate, the server answers the handshake with an alert.
    const host = await listen(createTlsServer());
    expect(await wrongAddress(`http://${host}`, 'join')).toBe(
      `http://${host} expects TLS; use --url https://${host}`,
    );
  });

  it('may be right if nothing answers, or another program does', async () => {
    const dataPlane = await http((_request, response) =>
      response.writeHead(404).end('{"error":"no such path"}'),
    );
    expect(await wrongAddress(`http://${dataPlane}`, 'join')).toBeNull();
    const other = await listen(createTcpServer((socket) => socket.on('error', () => {}).destroy()));
    expect(await wrongAddress(`http://${other}`, 'join')).toBeNull();
    expect(await wrongAddress(`https://${other}`, 'join')).toBeNull();
  });
});
