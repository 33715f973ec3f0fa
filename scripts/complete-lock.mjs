/**
 * Completes package-lock.json for platforms whose packages the current registry does not offer, so that `npm ci` works
 * on every platform. Run it after a change of dependencies:
 *
 *   node scripts/complete-lock.mjs            adds what is missing
 *   node scripts/complete-lock.mjs --check    fails if something is missing
 *
 * A package with native code lists one optional dependency per platform. A registry mirror may lack some of them, and
 * npm then leaves them out of the lock file without a word. An entry needs only name, version, os and cpu: npm fetches
 * the rest on that platform.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PATH = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const SYSTEMS = ['darwin', 'linux', 'win32', 'android', 'freebsd'];
const PROCESSORS = ['arm64', 'x64', 'arm', 'ia32'];

/** Returns the entry of a platform package, or null if its name does not tell the platform. */
export function platformEntry(name, version, dev = false) {
  const words = name.split(/[-/]/);
  const os = SYSTEMS.find((word) => words.includes(word));
  const cpu = PROCESSORS.find((word) => words.includes(word));
  if (os === undefined || cpu === undefined) return null;
  const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
  // In npm's own order of fields, so that `npm install` leaves the lock file unchanged.
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(libc ? { libc } : {}),
    optional: true,
    os: [os],
  };
}

/** Returns the entries that a lock file lacks, by path. */
export function missingEntries({ packages }) {
  const missing = {};
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      // A nested copy beside the package, or the shared one at the top.
      if (packages[`${path}/node_modules/${name}`] || packages[`node_modules/${name}`]) continue;
      const entry = /^\d/.test(version) ? platformEntry(name, version, dev) : null;
      if (entry) missing[`node_modules/${name}`] = entry;
    }
  }
  return missing;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(PATH, 'utf8'));
  const missing = missingEntries(lock);
  const names = Object.keys(missing);
  if (names.length === 0) {
    console.log('package-lock.json is complete.');
  } else if (process.argv.includes('--check')) {
    console.error(`package-lock.json lacks ${names.join(', ')}. Run: node scripts/complete-lock.mjs`);
    process.exit(1);
  } else {
    lock.packages = Object.fromEntries(
      Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    writeFileSync(PATH, `${JSON.stringify(lock, null, 2)}\n`);
    console.log(`Added ${names.join(', ')}.`);
  }
}
