/** Archives of the agent for devices that install it from this control plane. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

export const AGENT_PLATFORMS = ['linux-arm64', 'linux-armv7', 'linux-x64', 'darwin-arm64'] as const;
export type AgentPlatform = (typeof AGENT_PLATFORMS)[number];

export interface AgentPackage {
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  /** Size of the archive, and of its files. */
  readonly bytes: number;
  readonly unpackedBytes: number;
}

/** A package cannot be made. The message says what to do. */
export class AgentPackageError extends Error {
  override readonly name = 'AgentPackageError';
}

const outputSchema = z.object({
  packages: z.tuple([
    z.object({
      version: z.string(),
      file: z.string(),
      sha256: z.string(),
      bytes: z.number(),
      unpackedBytes: z.number(),
    }),
  ]),
});

const execute = promisify(execFile);

/**
 * Makes the archives when they are first asked for: each takes one or two seconds of processor time, in a process of its
 * own. A changed agent is packaged again after a restart.
 */
export class AgentPackages {
  readonly #program: string;
  readonly #directory: string;
  readonly #made = new Map<string, Promise<AgentPackage>>();
  #emptied: Promise<void> | null = null;

  /**
   * @param root  the repository, with a built agent
   * @param directory  the folder of the archives; archives of earlier processes are deleted
   */
  constructor(root: string, directory: string) {
    this.#program = join(root, 'scripts', 'package', 'package.mjs');
    this.#directory = directory;
  }

  /**
   * Returns a package, which it makes the first time.
   * @param withNode  with Node, if `npm run package -- agent --with-node` has downloaded it
   * @throws {AgentPackageError}
   */
  find(platform: AgentPlatform, withNode: boolean): Promise<AgentPackage> {
    const key = `${platform} ${withNode}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = this.#make(platform, withNode);
    this.#made.set(key, made);
    // The next request tries again.
    made.catch(() => this.#made.delete(key));
    return made;
  }

  /** Returns the path and the size of an archive; null if it was not made. */
  async archive(file: string): Promise<{ readonly path: string; readonly bytes: number } | null> {
    for (const made of this.#made.values()) {
      const each = await made.catch(() => null);
      if (each?.file === file) return { path: join(this.#directory, file), bytes: each.bytes };
    }
    return null;
  }

  async #make(platform: AgentPlatform, withNode: boolean): Promise<AgentPackage> {
    this.#emptied ??= rm(this.#directory, { recursive: true, force: true });
    await this.#emptied;
    const options = ['--platform', platform, ...(withNode ? ['--with-node', '--downloaded'] : [])];
    try {
      const { stdout } = await execute(process.execPath, [
        this.#program,
        'agent',
        ...options,
        '--out',
        this.#directory,
        '--json',
      ]);
      const [made] = outputSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).packages;
      return made;
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      throw new AgentPackageError((stderr ?? '').replace(/^sparewheel: /, '').trim() || message);
    }
  }
}
