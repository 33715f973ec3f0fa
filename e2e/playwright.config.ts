import { defineConfig } from '@playwright/test';

const executablePath = process.env.CHROMIUM_PATH;

/**
 * Files that mostly wait for timeouts and restarted devices. One of them runs at a time, beside one of the files
 * that keep the processors busy. Two busy files at once would compete for the cores.
 */
const WAITING = [
  'bad-input',
  'charts',
  'elasticity',
  'faults',
  'load',
  'pages',
  'presets',
  'rescue',
  'startup',
  'trouble',
  'truth-fleet',
  'truth-latency',
].map((name) => `${name}.spec.ts`);

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  workers: 2,
  projects: [
    { name: 'busy', testIgnore: WAITING, workers: 1 },
    { name: 'waiting', testMatch: WAITING, workers: 1 },
  ],
  // A flaky test is a defect of the test or the product; a retry would hide it.
  retries: 0,
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
      // Chromium's sandbox does not work as root, the usual user in CI.
      args: process.getuid?.() === 0 ? ['--no-sandbox', '--disable-background-networking'] : [],
    },
  },
});
