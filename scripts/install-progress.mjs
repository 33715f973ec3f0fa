/** How far `npm install` is. npm itself prints nothing until its end. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the names of the packages that npm installs in the root's node_modules on a platform.
 * @param lock  the content of package-lock.json
 */
export function packagesToInstall({ packages }, { platform, arch }) {
  const fits = (allowed, actual) =>
    allowed === undefined ||
    allowed.includes(actual) ||
    allowed.some((each) => each.startsWith('!') && each !== `!${actual}`);
  return Object.entries(packages).flatMap(([path, { link, os, cpu }]) => {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    return name === undefined || link || !fits(os, platform) || !fits(cpu, arch) ? [] : [name];
  });
}

/** Returns which packages are unpacked. npm creates all folders first, so a folder alone says nothing. */
export function unpacked(folder, names) {
  return names.filter((name) => existsSync(join(folder, name, 'package.json')));
}

/** Returns a function that says how many packages are there: "412 of 554 packages". */
export function installProgress(root) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const wanted = packagesToInstall(lock, process);
  return () => `${unpacked(join(root, 'node_modules'), wanted).length} of ${wanted.length} packages`;
}
