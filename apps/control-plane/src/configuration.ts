/** Reads the arguments and the environment of `npm start`, checks them and adds the defaults. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { LIMITS } from '@sparewheel/protocol';
import { StartupError } from './startup-error.ts';
import { TOKEN_VARIABLES, type TokenName, validToken } from './tokens.ts';

export interface Configuration {
  readonly host: string;
  /** The port of the dashboard and the admin API. */
  readonly port: number;
  /** The port of the data plane: agents and inference. */
  readonly dataPort: number;
  /** Inference over gRPC; null without it. */
  readonly grpc: GrpcConfiguration | null;
  /** The folder of models, shards, local devices and, by default, the database. An absolute path. */
  readonly home: string;
  readonly databaseUrl: string;
  /** The number of devices to run on this machine. */
  readonly fleet: number;
  readonly demo: boolean;
  /** Whether a new demo gets an uncoded twin. */
  readonly demoTwin: boolean;
  /** Compiles pages from source when they are requested. */
  readonly development: boolean;
  /** Tokens from the environment. The others are generated. */
  readonly tokens: Readonly<Partial<Record<TokenName, string>>>;
}

export interface GrpcConfiguration {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether the port was set. The default port is skipped if another program uses it. */
  readonly required: boolean;
}

export const USAGE = `npm start -- [options]

  --fleet N        run N devices on this machine (default 6)
  --no-fleet       run none
  --no-demo        do not deploy the demo network
  --no-twin        deploy the demo without its uncoded twin
  --port N         dashboard and admin API (PORT, default 3000)
  --data-port N    agents and inference (DATA_PORT, default 3001)
  --grpc-port N    inference over gRPC, or "off" (GRPC_PORT, default the port after that of the data plane)
  --host ADDRESS   address to listen on (HOST, default 127.0.0.1)
  --dev            compile the dashboard's pages from source when they are requested
  --help

Environment: PORT, DATA_PORT, GRPC_PORT, HOST, DATABASE_URL (default file:SPAREWHEEL_HOME/sparewheel.db),
SPAREWHEEL_HOME (default .sparewheel in this folder), SPAREWHEEL_OPERATOR_TOKEN, SPAREWHEEL_JOIN_TOKEN,
SPAREWHEEL_INFER_TOKEN, SPAREWHEEL_METRICS_TOKEN (by default random and kept in SPAREWHEEL_HOME/tokens.json).`;

const DEFAULT_FLEET = 6;
// Each device is a process with ONNX Runtime, about 90 MB.
const LARGEST_FLEET = 64;

/**
 * Parses the configuration.
 * @param args  without node and script
 * @param root  the repository's folder, from which relative paths start
 * @returns null if the arguments ask for help
 * @throws {StartupError} names the invalid argument or variable
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
      'Use one of them.',
    );
  }
  // `PORT= npm start` sets an empty variable, which counts as not set.
  const variable = (name: string) => environment[name]?.trim() || undefined;

  const port = parsePort('--port', options.port) ?? parsePort('PORT', variable('PORT')) ?? 3000;
  const dataPort =
    parsePort('--data-port', options['data-port']) ?? parsePort('DATA_PORT', variable('DATA_PORT')) ?? 3001;
  if (port === dataPort && port !== 0) {
    throw new StartupError(
      `The dashboard and the data plane cannot share port ${port}.`,
      'Set PORT and DATA_PORT to different ports.',
    );
  }

  const home = absolute(variable('SPAREWHEEL_HOME') ?? '.sparewheel', root);
  return {
    host: parseHost(options.host ?? variable('HOST') ?? '127.0.0.1'),
    port,
    dataPort,
    grpc: parseGrpc(options['grpc-port'], variable('GRPC_PORT'), { port, dataPort }),
    home,
    databaseUrl: variable('DATABASE_URL') ?? pathToFileURL(join(home, 'sparewheel.db')).href,
    fleet: options['no-fleet'] ? 0 : parseFleet(options.fleet),
    demo: !options['no-demo'],
    demoTwin: !options['no-twin'],
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
        'no-twin': { type: 'boolean' },
        port: { type: 'string' },
        'data-port': { type: 'string' },
        'grpc-port': { type: 'string' },
        host: { type: 'string' },
        dev: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // The first sentence of Node's message names the argument. The rest explains `--`.
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

/** @throws {StartupError} the port is invalid, or is one of the other two */
function parseGrpc(
  option: string | undefined,
  variable: string | undefined,
  others: { readonly port: number; readonly dataPort: number },
): GrpcConfiguration | null {
  const [name, text] =
    option === undefined ? (['GRPC_PORT', variable] as const) : (['--grpc-port', option] as const);
  if (text === 'off') return null;
  const port = parsePort(name, text);
  if (port === undefined) return defaultGrpc(others);
  if (port !== 0 && Object.values(others).includes(port)) {
    throw new StartupError(
      `Inference over gRPC cannot share port ${port} with the dashboard or the data plane.`,
      'Set GRPC_PORT to another port, or to "off".',
    );
  }
  return { port, required: true };
}

/** The port after that of the data plane, or the next one if the dashboard has it. */
function defaultGrpc({ port, dataPort }: { port: number; dataPort: number }): GrpcConfiguration {
  if (dataPort === 0) return { port: 0, required: false };
  const next = dataPort + 1 === port ? dataPort + 2 : dataPort + 1;
  return { port: next > 65_535 ? 0 : next, required: false };
}

function parseHost(host: string): string {
  if (!/^[A-Za-z0-9.:_-]+$/.test(host) || /^\w+:\/\//.test(host)) {
    throw new StartupError(
      `The host is "${host}", which is not an address.`,
      'Use an address of this machine without a port, for example 127.0.0.1, 0.0.0.0 or ::1.',
    );
  }
  return host;
}

function parseFleet(text: string | undefined): number {
  if (text === undefined) return DEFAULT_FLEET;
  const fleet = Number(text);
  const largest = Math.min(LARGEST_FLEET, LIMITS.devices);
  if (!/^\d+$/.test(text) || fleet > largest) {
    throw new StartupError(`--fleet is "${text}".`, `Use a number of devices from 0 to ${largest}.`);
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
        `${variableName} is not a valid token.`,
        'A token has at most 512 letters, digits and the characters - . _ ~ + / =. For example, use the output of `openssl rand -hex 24`.',
      );
    }
    tokens[name] = token;
  }
  return tokens;
}
