import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Returns the repository's folder, found from a file inside it. The result is the same for source and bundle, and does
 * not depend on the working directory.
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
    if (parent === directory) throw new Error(`${fileURLToPath(from)} is not inside a Sparewheel repository`);
    directory = parent;
  }
}
