import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A file that can start as a thread or a process. */
export interface Entry {
  /** `fork(process.path, …, { execArgv: process.execArgv })` */
  readonly process: { readonly path: string; readonly execArgv: string[] };
  /** `new Worker(threadUrl)` */
  readonly threadUrl: URL;
}

/**
 * Finds an entry, both from TypeScript source (tests, development) and from a bundle (production), where all entries
 * are in `dist/`.
 * @param from  the caller's `import.meta.url`
 * @param names  paths relative to the caller: the source file, and the bundle
 */
export function siblingEntry(
  from: string,
  names: { readonly source: string; readonly bundled: string },
): Entry {
  if (!new URL(from).pathname.endsWith('.ts')) {
    const url = new URL(names.bundled, from);
    return { process: { path: fileURLToPath(url), execArgv: [] }, threadUrl: url };
  }
  const url = new URL(names.source, from);
  // Absolute, because `--import tsx` would be resolved from the working directory.
  const tsx = join(dirname(createRequire(from).resolve('tsx/package.json')), 'dist');
  const loader = pathToFileURL(join(tsx, 'loader.mjs')).href;
  // In a worker thread of Node 20, tsx's loader must be registered explicitly.
  const register = pathToFileURL(join(tsx, 'esm', 'api', 'index.mjs')).href;
  const bootstrap = `import { register } from '${register}'; register(); await import('${url.href}');`;
  return {
    process: { path: fileURLToPath(url), execArgv: ['--import', loader] },
    threadUrl: new URL(`data:text/javascript,${encodeURIComponent(bootstrap)}`),
  };
}
