import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { missingEntries, platformEntry } from './complete-lock.mjs';

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));

it('the lock file has every platform package', () => {
  expect(Object.keys(missingEntries(lock))).toEqual([]);
});

it('finds a platform package that was left out', () => {
  const { 'node_modules/@esbuild/darwin-arm64': entry, ...packages } = lock.packages;
  expect(missingEntries({ packages })).toEqual({
    'node_modules/@esbuild/darwin-arm64': expect.objectContaining({
      version: entry.version,
      os: ['darwin'],
      cpu: ['arm64'],
      optional: true,
    }),
  });
});

it('reads the platform from a name', () => {
  expect(platformEntry('@x/y-linux-arm64-musl', '1.0.0')).toEqual({
    version: '1.0.0',
    cpu: ['arm64'],
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  });
  expect(platformEntry('@x/y-wasm32-wasi', '1.0.0')).toBeNull();
});
