import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const schema = z.record(z.string(), z.object({ bytes: z.number(), mtimeMs: z.number() }));

/**
 * Remembers which files were verified, by size and time of change, so that a device which returns need not hash
 * hundreds of megabytes before it serves. Losing this file costs time, nothing else.
 */
export class VerifiedFiles {
  readonly #path: string;
  readonly #files: Map<string, { bytes: number; mtimeMs: number }>;

  private constructor(path: string, files: Map<string, { bytes: number; mtimeMs: number }>) {
    this.#path = path;
    this.#files = files;
  }

  static async open(path: string): Promise<VerifiedFiles> {
    try {
      return new VerifiedFiles(
        path,
        new Map(Object.entries(schema.parse(JSON.parse(await readFile(path, 'utf8'))))),
      );
    } catch {
      return new VerifiedFiles(path, new Map());
    }
  }

  includes(name: string, bytes: number, mtimeMs: number): boolean {
    const known = this.#files.get(name);
    return known !== undefined && known.bytes === bytes && known.mtimeMs === mtimeMs;
  }

  note(name: string, bytes: number, mtimeMs: number): void {
    this.#files.set(name, { bytes, mtimeMs });
  }

  /** Forgets all but the given files and writes the rest. A disk that is full is no failure: see above. */
  async save(names: readonly string[]): Promise<void> {
    const kept = new Set(names);
    for (const name of this.#files.keys()) if (!kept.has(name)) this.#files.delete(name);
    try {
      await writeFile(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.#files)));
      await rename(`${this.#path}.new`, this.#path);
    } catch {}
  }
}
