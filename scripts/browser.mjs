/**
 * Finds a Chromium for the end-to-end tests, or gets one: CHROMIUM_PATH, Playwright's own download, the system's;
 * where there is none, Playwright's download, then (as root on a Debian) the package manager.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const SYSTEM_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

function find(root) {
  const { chromium } = createRequire(join(root, 'e2e', 'package.json'))('@playwright/test');
  return [process.env.CHROMIUM_PATH, chromium.executablePath(), ...SYSTEM_PATHS].find(
    (path) => path && existsSync(path),
  );
}

/** @returns the path of a browser that exists, or null with the reason printed */
export function ensureBrowser(root) {
  const present = find(root);
  if (present) return present;

  console.error('sparewheel: no Chromium here yet; getting one for the end-to-end tests');
  const attempts = [
    [process.execPath, [join('node_modules', '@playwright', 'test', 'cli.js'), 'install', 'chromium']],
  ];
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    attempts.push(['apt-get', ['update', '-qq']], ['apt-get', ['install', '-y', '-qq', 'chromium']]);
  }
  for (const [command, args] of attempts) {
    const { status, stderr } = spawnSync(command, args, {
      cwd: root,
      encoding: 'utf8',
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0)
      console.error(
        `sparewheel: ${command} ${args.join(' ')}: ${stderr?.trim().split('\n').at(-1) ?? 'failed'}`,
      );
    const found = find(root);
    if (found) return found;
  }
  console.error(
    'sparewheel: no browser could be installed; set CHROMIUM_PATH to one, or run: npx playwright install chromium',
  );
  return null;
}
