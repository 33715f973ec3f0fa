import { defineConfig } from '@playwright/test';

const executablePath = process.env.CHROMIUM_PATH;

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  // Each file starts a product of its own; two at once would only fight for the cores.
  workers: 1,
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
