import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A file of an npm package that `npm install` brings. */
export interface InstalledFile {
  /** A path at the root of the package that its `exports` allow to resolve: "name/package.json". */
  readonly anchor: string;
  /** The file, relative to the root of the package. */
  readonly path: string;
}

/**
 * Reads a file of an installed package.
 * @throws {Error} the package is not installed
 */
export async function readInstalled({ anchor, path }: InstalledFile): Promise<Buffer> {
  let root: string;
  try {
    root = dirname(requireOfTheZoo().resolve(anchor));
  } catch (cause) {
    throw new Error(`The package of ${anchor} is not installed. Run npm install and try again.`, { cause });
  }
  return readFile(join(root, path));
}

/** Resolves packages from the zoo's folder, because a bundler moves this file but not the packages. */
function requireOfTheZoo(): NodeJS.Require {
  return createRequire(createRequire(import.meta.url).resolve('@sparewheel/zoo/models/lenet5.onnx'));
}
