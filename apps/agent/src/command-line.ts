import { availableParallelism, homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LIMITS } from '@sparewheel/protocol';
import type { ThreadChoice } from './device-profile.ts';

export interface AgentOptions {
  /** Origin of the data plane, such as `http://host:3001`; null to search it on the network. */
  readonly url: string | null;
  readonly token: string;
  readonly deviceNames: readonly string[];
  /** Directory with one folder per device: `devices/<name>/`. */
  readonly home: string;
  /** Whether the agent ends with its parent process. */
  readonly withParent: boolean;
  /** Of each device. */
  readonly threads: ThreadChoice;
  /** Of each device; undefined without a limit. */
  readonly memoryLimitBytes?: number;
}

/** The command line is invalid. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: npm run agent -- --token TOKEN [options]

Joins this machine to a Sparewheel fleet.

  --url URL        address of the data plane, such as http://HOST:3001 (default: the one that
                   this network advertises)
  --token TOKEN    join token (default: SPAREWHEEL_JOIN_TOKEN)
  --name NAME      device name (default: the name of this machine)
  --count N        number of devices, named NAME-1 to NAME-N (default: 1)
  --threads N      threads per device (default: the fastest number, measured at the first
                   start, up to the device's share of the cores)
  --memory-limit M most memory per device for the weights of one deployment, such as 256MB
                   or 1GB (default: no limit)
  --home DIR       directory for identities and shards (default: SPAREWHEEL_HOME or ~/.sparewheel)
  --with-parent    end with the parent process
  --help           show this help`;

/**
 * Parses the command line. Token and home default to the environment.
 * @returns null if the command line asks for help
 * @throws {UsageError}
 */
export function parseCommandLine(
  parameters: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  cores = availableParallelism(),
): AgentOptions | null {
  const values = parseValues(parameters);
  if (values.help === true) return null;
  const token = values.token ?? environment.SPAREWHEEL_JOIN_TOKEN ?? '';
  if (token === '')
    throw new UsageError('the join token is missing; pass --token or set SPAREWHEEL_JOIN_TOKEN');
  const name = values.name ?? (hostname().replace(/[^A-Za-z0-9._-]/g, '-') || 'device');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,89}$/.test(name)) {
    throw new UsageError(
      `--name '${name}' is invalid; use up to 90 letters, digits, dots, dashes or underscores`,
    );
  }
  const count = Number(values.count ?? 1);
  if (!Number.isInteger(count) || count < 1 || count > LIMITS.devices) {
    throw new UsageError(
      `--count ${values.count} is invalid; use a whole number from 1 to ${LIMITS.devices}`,
    );
  }
  const memoryLimitBytes = parseMemoryLimit(values['memory-limit']);
  return {
    url: parseUrl(values.url),
    token,
    deviceNames: count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index + 1}`),
    home: resolve(values.home ?? environment.SPAREWHEEL_HOME ?? join(homedir(), '.sparewheel')),
    withParent: values['with-parent'] ?? false,
    threads: parseThreads(values.threads, count, cores),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
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
        threads: { type: 'string' },
        'memory-limit': { type: 'string' },
        'with-parent': { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @param count  devices that share the cores */
function parseThreads(text: string | undefined, count: number, cores: number): ThreadChoice {
  const atMost = Math.max(1, Math.floor(cores / count));
  if (text === undefined) return { atMost };
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError(`--threads ${text} is invalid; use a whole number from 1 to ${cores}`);
  }
  if (threads > cores) {
    throw new UsageError(
      `--threads ${threads} is more than this machine has: it has ${cores} ${cores === 1 ? 'core' : 'cores'}`,
    );
  }
  return { fixed: threads, atMost };
}

/** The largest limit that the protocol carries. */
const MAX_MEMORY_BYTES = 2 ** 50;
const UNITS = { MB: 10 ** 6, GB: 10 ** 9, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

function parseMemoryLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(MB|GB|MiB|GiB)$/.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * UNITS[unit as keyof typeof UNITS]);
  if (!(bytes >= 1 && bytes <= MAX_MEMORY_BYTES)) {
    throw new UsageError(`--memory-limit ${text} is invalid; use a size such as 256MB or 1.5GB`);
  }
  return bytes;
}

function parseUrl(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`--url '${text}' is invalid; use an address like http://192.168.1.10:3001`);
  }
  if (url.pathname !== '/' || url.search !== '') {
    throw new UsageError(`--url '${text}' has a path; use ${url.origin}`);
  }
  return url.origin;
}
