import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LIMITS } from '@sparewheel/protocol';

export interface AgentOptions {
  /** The data plane's address without a path: `http://host:3001`. */
  readonly url: string;
  readonly token: string;
  readonly deviceNames: readonly string[];
  /** Holds `devices/<name>/`. */
  readonly home: string;
  /** End when the parent process does. */
  readonly withParent: boolean;
}

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: npm run agent -- --url http://HOST:3001 --token TOKEN [options]

Joins this machine to a Sparewheel fleet.

  --url URL        address of the data plane
  --token TOKEN    join token; or set SPAREWHEEL_JOIN_TOKEN
  --name NAME      what to call the device (default: this machine's name)
  --count N        run N devices, NAME-1 … NAME-N (default: 1)
  --home DIR       where identities and shards are kept (default: ~/.sparewheel, or SPAREWHEEL_HOME)
  --with-parent    end when the parent process ends
  --help           this text`;

/**
 * Reads the command line; what it does not say comes from the environment.
 * @returns null where only help is wanted
 * @throws {UsageError}
 */
export function parseCommandLine(
  parameters: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AgentOptions | null {
  const values = parseValues(parameters);
  if (values.help === true) return null;
  const token = values.token ?? environment.SPAREWHEEL_JOIN_TOKEN ?? '';
  if (token === '')
    throw new UsageError('a join token is missing: pass --token or set SPAREWHEEL_JOIN_TOKEN');
  const name = values.name ?? (hostname().replace(/[^A-Za-z0-9._-]/g, '-') || 'device');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,89}$/.test(name)) {
    throw new UsageError(
      `--name '${name}' will not do: use up to 90 letters, digits, dots, dashes, underscores`,
    );
  }
  const count = Number(values.count ?? 1);
  if (!Number.isInteger(count) || count < 1 || count > LIMITS.devices) {
    throw new UsageError(`--count ${values.count} is not a whole number from 1 to ${LIMITS.devices}`);
  }
  return {
    url: parseUrl(values.url),
    token,
    deviceNames: count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index + 1}`),
    home: resolve(values.home ?? environment.SPAREWHEEL_HOME ?? join(homedir(), '.sparewheel')),
    withParent: values['with-parent'] ?? false,
  };
}

function parseValues(parameters: readonly string[]) {
  try {
    return parseArgs({
      args: [...parameters],
      options: {
        url: { type: 'string' },
        token: { type: 'string' },
        name: { type: 'string' },
        count: { type: 'string' },
        home: { type: 'string' },
        'with-parent': { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parseUrl(text: string | undefined): string {
  if (text === undefined)
    throw new UsageError("the data plane's address is missing: pass --url http://HOST:3001");
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`--url '${text}' is not an address like http://192.168.1.10:3001`);
  }
  if (url.pathname !== '/' || url.search !== '') {
    throw new UsageError(`--url '${text}' goes on behind the port: use ${url.origin}`);
  }
  return url.origin;
}
