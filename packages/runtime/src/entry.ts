import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A file that starts as a thread or process of its own. */
export interface Entry {
  /** `fork(process.path, …, { execArgv: process.execArgv })` */
  readonly process: { readonly path: string; readonly execArgv: string[] };
  /** `new Worker(threadUrl)` */
  readonly threadUrl: URL;
}

/**
 * Finds an entry, whether this code runs as TypeScript source (tests, development) or bundled (production), where all
 * entries lie side by side in `dist/`.
 * @param from  the caller's `import.meta.url`
 * @param names  relative to the caller: the source file, and the bundle
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
  // By absolute address: `--import tsx` would be looked up from the working directory.
  const tsx = join(dirname(createRequire(from).resolve('tsx/package.json')), 'dist');
  const loader = pathToFileURL(join(tsx, 'loader.mjs')).href;
  // tsx's loader does nothing in a worker thread of Node 20; there, it has to be registered by hand.
  const register = pathToFileURL(join(tsx, 'esm', 'api', 'index.mjs')).href;
  const bootstrap = `import { register } from '${register}'; register(); await import('${url.href}');`;
  return {
    process: { path: fileURLToPath(url), execArgv: ['--import', loader] },
    threadUrl: new URL(`data:text/javascript,${encodeURIComponent(bootstrap)}`),
  };
}
