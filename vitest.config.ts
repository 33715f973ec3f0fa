import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.{ts,tsx}',
      'apps/*/src/**/*.test.{ts,tsx}',
      'apps/control-plane/components/**/*.test.{ts,tsx}',
      'tools/*/src/**/*.test.ts',
      'bench/src/**/*.test.ts',
      'scripts/**/*.test.{ts,mjs}',
    ],
    pool: 'forks',
    // By default one processor is kept free, which on two of them doubles the time.
    maxWorkers: '100%',
    setupFiles: ['scripts/vitest-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
