import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packagesToInstall, unpacked } from './install-progress.mjs';

const linux = { platform: 'linux', arch: 'x64' };

it('counts the packages of this platform, and no workspaces and no nested packages', () => {
  const packages = {
    '': {},
    'packages/cdc': {},
    'node_modules/@sparewheel/cdc': { link: true },
    'node_modules/zod': {},
    'node_modules/@img/linux': { os: ['linux'], cpu: ['x64'] },
    'node_modules/@img/darwin': { os: ['darwin'], cpu: ['arm64'] },
    'node_modules/posix': { os: ['!win32'] },
    'node_modules/next/node_modules/zod': {},
  };
  expect(packagesToInstall({ packages }, linux)).toEqual(['zod', '@img/linux', 'posix']);
  expect(packagesToInstall({ packages }, { platform: 'win32', arch: 'x64' })).toEqual(['zod']);
});

it('counts a package when it is unpacked, not when its folder exists', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sparewheel-progress-'));
  try {
    for (const name of ['zod', '@img/linux', 'empty']) mkdirSync(join(folder, name), { recursive: true });
    for (const name of ['zod', '@img/linux']) writeFileSync(join(folder, name, 'package.json'), '{}');
    expect(unpacked(folder, ['zod', '@img/linux', 'empty', 'missing'])).toEqual(['zod', '@img/linux']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
