/** Serves the installer of the agent and the archives that it downloads. Errors are one sentence of text, for a shell. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Authentication } from '../api/authentication.ts';
import { hostnameOf } from '../web/first-state.ts';
import {
  AGENT_PLATFORMS,
  type AgentPackage,
  AgentPackageError,
  type AgentPackages,
  type AgentPlatform,
} from './agent-packages.ts';

export interface ServeAgentParts {
  readonly authentication: Authentication;
  readonly agentPackages: Pick<AgentPackages, 'find' | 'archive'>;
  /** The path of the installer's script. */
  readonly installer: string;
  /** Returns the data plane's origin for a device that reached this server by a host name. */
  readonly dataPlaneUrl: (hostname: string) => string;
  /** Returns whether a device is connected. */
  readonly isConnected: (device: string) => boolean;
}

class RefusedRequest extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const INSTALLER = '/join/install.sh';
const ROOT = '/join/agent';

/** Returns whether a path belongs to the installation of agents. */
export function servesAgent(path: string): boolean {
  return path === INSTALLER || path === ROOT || path.startsWith(`${ROOT}/`);
}

/**
 * Answers a request of the installer. All paths but the script need the join token.
 * - `GET /join/install.sh`  the script, with this server's address
 * - `GET /join/agent?platform=…[&node=included]`  which archive to download, as lines of "field value"
 * - `GET /join/agent/device?id=ID`  "joined" or "absent"
 * - `GET /join/agent/FILE`  the archive
 */
export async function serveAgent(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ServeAgentParts,
): Promise<void> {
  response.setHeader('Cache-Control', 'no-store');
  try {
    const { pathname, searchParams } = new URL(`http://localhost${request.url}`);
    if (request.method !== 'GET') {
      response.setHeader('Allow', 'GET');
      throw new RefusedRequest(405, 'This path answers GET only.');
    }
    if (pathname === INSTALLER) return sendText(response, await installerFor(request, parts.installer));
    requireJoinToken(request, parts.authentication);
    if (pathname === ROOT) {
      const made = await packageFor(parts, parametersOf(searchParams, ['platform', 'node']));
      const url = parts.dataPlaneUrl(hostnameOf(request.headers.host));
      return sendText(response, describePackage(made, url));
    }
    if (pathname === `${ROOT}/device`) {
      const { id = '' } = parametersOf(searchParams, ['id']);
      return sendText(response, parts.isConnected(id) ? 'joined\n' : 'absent\n');
    }
    await sendArchive(response, parts, decoded(pathname.slice(ROOT.length + 1)));
  } catch (error) {
    if (response.headersSent) response.destroy();
    else if (error instanceof RefusedRequest) sendText(response, `${error.message}\n`, error.status);
    else throw error;
  }
}

/**
 * Returns the script with this server's address in it.
 * @throws {RefusedRequest} the Host header is missing or could change the script
 */
async function installerFor({ headers }: IncomingMessage, path: string): Promise<string> {
  const { host = '' } = headers;
  if (!/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(host)) {
    throw new RefusedRequest(400, 'The Host header is not an address.');
  }
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  return (await readFile(path, 'utf8')).replaceAll('@CONTROL_PLANE@', `${scheme}://${host}`);
}

function requireJoinToken({ headers }: IncomingMessage, authentication: Authentication): void {
  const [, token = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const role = authentication.roleOf(token);
  if (role === 'join') return;
  if (role === null) {
    throw new RefusedRequest(
      401,
      'The join token is unknown. Copy the command again: the dashboard shows it under "Add a device".',
    );
  }
  throw new RefusedRequest(403, `This is the ${role} token, not the join token.`);
}

/** @throws {RefusedRequest} a parameter is unknown */
function parametersOf(query: URLSearchParams, known: readonly string[]): Record<string, string> {
  const unknown = [...query.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw new RefusedRequest(400, `The parameter "${unknown}" is unknown.`);
  return Object.fromEntries(query);
}

/** @throws {RefusedRequest} */
async function packageFor(
  { agentPackages }: ServeAgentParts,
  { platform = '', node }: Record<string, string>,
): Promise<AgentPackage> {
  if (!(AGENT_PLATFORMS as readonly string[]).includes(platform)) {
    throw new RefusedRequest(
      404,
      `There is no agent for "${platform}", only for ${AGENT_PLATFORMS.join(', ')}.`,
    );
  }
  if (node !== undefined && node !== 'included') {
    throw new RefusedRequest(400, 'The parameter "node" must be "included".');
  }
  try {
    return await agentPackages.find(platform as AgentPlatform, node !== undefined);
  } catch (error) {
    if (!(error instanceof AgentPackageError)) throw error;
    throw new RefusedRequest(503, `The control plane cannot make the package: ${error.message}`);
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new RefusedRequest(400, 'The address cannot be decoded.');
  }
}

function describePackage({ version, file, sha256, bytes, unpackedBytes }: AgentPackage, url: string): string {
  const fields = { version, file, sha256, bytes, unpacked: unpackedBytes, url };
  return Object.entries(fields)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}

/** @throws {RefusedRequest} the archive was not made */
async function sendArchive(
  response: ServerResponse,
  { agentPackages }: ServeAgentParts,
  file: string,
): Promise<void> {
  const archive = await agentPackages.archive(file);
  if (archive === null) throw new RefusedRequest(404, `There is no archive "${file}".`);
  response.writeHead(200, { 'Content-Type': 'application/gzip', 'Content-Length': archive.bytes });
  await pipeline(createReadStream(archive.path), response);
}

function sendText(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
}
