/** What `npm start` was asked to do: its arguments and environment, checked, with everything filled in. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { LIMITS } from '@sparewheel/protocol';
import { StartupError } from './startup-error.ts';
import { TOKEN_VARIABLES, type TokenName, validToken } from './tokens.ts';

export interface Configuration {
  readonly host: string;
  /** Of the dashboard and the admin API. */
  readonly port: number;
  /** Of the data plane: agents and inference. */
  readonly dataPort: number;
  /** Models, shards, devices of the local fleet and, by default, the database. Absolute. */
  readonly home: string;
  readonly databaseUrl: string;
  /** Devices to run on this machine. */
  readonly fleet: number;
  readonly demo: boolean;
  /** Pages compiled as they are asked for, from source. */
  readonly development: boolean;
  /** Tokens that the environment sets; the others are made. */
  readonly tokens: Readonly<Partial<Record<TokenName, string>>>;
}

export const USAGE = `npm start -- [options]

  --fleet N        run N devices on this machine (default 6)
  --no-fleet       run none
  --no-demo        do not deploy the demo network
  --port N         dashboard and admin API (PORT, default 3000)
  --data-port N    agents and inference (DATA_PORT, default 3001)
  --host ADDRESS   address to listen on (HOST, default 127.0.0.1)
  --dev            compile the dashboard's pages from source, as they are asked for
  --help

Environment: PORT, DATA_PORT, HOST, DATABASE_URL (default file:SPAREWHEEL_HOME/sparewheel.db),
SPAREWHEEL_HOME (default .sparewheel in this folder), SPAREWHEEL_OPERATOR_TOKEN, SPAREWHEEL_JOIN_TOKEN,
SPAREWHEEL_INFER_TOKEN (made at random and kept in SPAREWHEEL_HOME/tokens.json where not set).`;

const DEFAULT_FLEET = 6;
// Each device is a process with an ONNX Runtime in it, about 90 MB.
const LARGEST_FLEET = 64;

/**
 * @param args  without node and script
 * @param root  the repository's folder: relative paths start here, wherever the command was given
 * @returns null where only help was asked for
 * @throws {StartupError} naming the argument or variable that is wrong
 */
export function parseConfiguration(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  root: string,
): Configuration | null {
  const options = parseOptions(args);
  if (options.help) return null;
  if (options['no-fleet'] && options.fleet !== undefined && options.fleet !== '0') {
    throw new StartupError(
      `--no-fleet and --fleet ${options.fleet} contradict each other.`,
      'Give one of them.',
    );
  }
  // An empty variable, as `PORT= npm start` sets it, is one that is not set.
  const variable = (name: string) => environment[name]?.trim() || undefined;

  const port = parsePort('--port', options.port) ?? parsePort('PORT', variable('PORT')) ?? 3000;
  const dataPort =
    parsePort('--data-port', options['data-port']) ?? parsePort('DATA_PORT', variable('DATA_PORT')) ?? 3001;
  if (port === dataPort && port !== 0) {
    throw new StartupError(
      `The dashboard and the data plane cannot share port ${port}.`,
      'Give them two: PORT and DATA_PORT.',
    );
  }

  const home = absolute(variable('SPAREWHEEL_HOME') ?? '.sparewheel', root);
  return {
    host: parseHost(options.host ?? variable('HOST') ?? '127.0.0.1'),
    port,
    dataPort,
    home,
    databaseUrl: variable('DATABASE_URL') ?? pathToFileURL(join(home, 'sparewheel.db')).href,
    fleet: options['no-fleet'] ? 0 : parseFleet(options.fleet),
    demo: !options['no-demo'],
    development: options.dev ?? false,
    tokens: parseTokens(variable),
  };
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        fleet: { type: 'string' },
        'no-fleet': { type: 'boolean' },
        'no-demo': { type: 'boolean' },
        port: { type: 'string' },
        'data-port': { type: 'string' },
        host: { type: 'string' },
        dev: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // Node's sentence goes on about `--` and positional arguments; its first one names the argument.
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new StartupError(`${sentence.replace(/\.$/, '')}.`, `The options are:\n\n${USAGE}`);
  }
}

function parsePort(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new StartupError(
      `${name} is "${text}", which is not a port.`,
      'A port is a number from 0 to 65535.',
    );
  }
  return port;
}

function parseHost(host: string): string {
  if (!/^[A-Za-z0-9.:_-]+$/.test(host) || /^\w+:\/\//.test(host)) {
    throw new StartupError(
      `The host is "${host}", which is not an address.`,
      'Give an address of this machine without a port, for example 127.0.0.1, 0.0.0.0 or ::1.',
    );
  }
  return host;
}

function parseFleet(text: string | undefined): number {
  if (text === undefined) return DEFAULT_FLEET;
  const fleet = Number(text);
  const largest = Math.min(LARGEST_FLEET, LIMITS.devices);
  if (!/^\d+$/.test(text) || fleet > largest) {
    throw new StartupError(
      `--fleet is "${text}".`,
      `Give the number of devices to run on this machine, from 0 to ${largest}.`,
    );
  }
  return fleet;
}

function absolute(path: string, root: string): string {
  const expanded = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
  return isAbsolute(expanded) ? expanded : resolve(root, expanded);
}

function parseTokens(variable: (name: string) => string | undefined): Partial<Record<TokenName, string>> {
  const tokens: Partial<Record<TokenName, string>> = {};
  for (const [name, variableName] of Object.entries(TOKEN_VARIABLES) as [TokenName, string][]) {
    const token = variable(variableName);
    if (token === undefined) continue;
    if (!validToken(token)) {
      throw new StartupError(
        `${variableName} is not a token.`,
        'A token has up to 512 letters, digits and the signs - . _ ~ + / =, for example the output of `openssl rand -hex 24`.',
      );
    }
    tokens[name] = token;
  }
  return tokens;
}
