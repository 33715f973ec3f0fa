import { defineConfig } from '@playwright/test';

const executablePath = process.env.CHROMIUM_PATH;

/**
 * Files that mostly wait, for a device's return or for the product's own patience. They run one after the other beside
 * those that keep the processors busy, of which there is only one at a time as well: two would only fight for the cores.
 */
const WAITING = ['bad-input', 'charts', 'elasticity', 'faults', 'load', 'pages', 'startup', 'trouble'].map(
  (name) => `${name}.spec.ts`,
);

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  workers: 2,
  projects: [
    { name: 'busy', testIgnore: WAITING, workers: 1 },
    { name: 'waiting', testMatch: WAITING, workers: 1 },
  ],
  // Where a build decides what lands, one starved moment of a shared machine does not; it is reported as flaky.
  retries: process.env.CI === undefined ? 0 : 1,
  timeout: 120_000,
  reporter: [
    ['list'],
    ['json', { outputFile: process.env.PLAYWRIGHT_JSON_OUTPUT_NAME ?? './test-results/report.json' }],
  ],
  use: {
    viewport: { width: 1440, height: 900 },
    screenshot: 'only-on-failure',
    launchOptions: {
      ...(executablePath === undefined ? {} : { executablePath }),
      // Chromium's sandbox does not work for root, which is what build machines run as.
      args: process.getuid?.() === 0 ? ['--no-sandbox', '--disable-background-networking'] : [],
    },
  },
});
