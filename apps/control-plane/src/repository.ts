import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder that holds Sparewheel, found from a file inside it, so that the working directory does not matter and
 * source and bundle find the same one.
 * @param from  the caller's `import.meta.url`
 */
export function repositoryRoot(from: string = import.meta.url): string {
  let directory = dirname(fileURLToPath(from));
  for (;;) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'sparewheel') {
      return directory;
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`no Sparewheel checkout around ${fileURLToPath(from)}`);
    directory = parent;
  }
}
