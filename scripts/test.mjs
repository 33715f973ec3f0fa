/**
 * `npm test`: lint, import borders, types, unit and contract tests, end-to-end tests in a real browser.
 * Ends with "N passed, N failed"; `npm test -- --no-e2e` leaves the browser out.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBrowser } from './browser.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const reports = mkdtempSync(join(tmpdir(), 'sparewheel-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };

function run(title, args, environment = {}) {
  console.log(`\n== ${title}`);
  return (
    spawnSync(process.execPath, args, {
      cwd: root,
      stdio: 'inherit',
      // A log file is read by people: no colour codes where there is no terminal.
      env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), ...environment },
    }).status ?? 1
  );
}

function add(name, passed, failed, skipped = 0) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  console.log(`${name}: ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
}

/** Reads a runner's report; a runner that ended without one counts as one failure, never as nothing. */
function tally(name, status, path, read) {
  try {
    const { passed, failed, skipped } = read(JSON.parse(readFileSync(path, 'utf8')));
    add(name, passed, Math.max(failed, status === 0 ? 0 : 1), skipped);
  } catch {
    add(name, 0, 1);
  }
}

const checked = run('lint, import borders, types', ['scripts/check.mjs']);
add('check', checked === 0 ? 1 : 0, checked === 0 ? 0 : 1);

const unitReport = join(reports, 'unit.json');
const unit = run('unit and contract tests', [
  join('node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--reporter=dot',
  '--reporter=json',
  `--outputFile.json=${unitReport}`,
]);
tally('unit', unit, unitReport, (report) => ({
  passed: report.numPassedTests,
  failed:
    report.numFailedTests +
    (report.testResults ?? []).filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length,
  skipped: report.numPendingTests,
}));

if (!process.argv.includes('--no-e2e')) {
  const browser = ensureBrowser(root);
  if (browser === null) {
    add('end-to-end', 0, 1);
  } else {
    const endReport = join(reports, 'e2e.json');
    const end = run(
      'end-to-end tests',
      [join('node_modules', '@playwright', 'test', 'cli.js'), 'test', '--config', 'e2e/playwright.config.ts'],
      {
        CHROMIUM_PATH: browser,
        PLAYWRIGHT_JSON_OUTPUT_NAME: endReport,
      },
    );
    tally('end-to-end', end, endReport, ({ stats }) => {
      if (stats.flaky > 0) console.log(`end-to-end: ${stats.flaky} passed only at the second attempt`);
      return {
        passed: stats.expected + stats.flaky,
        failed: stats.unexpected,
        skipped: stats.skipped,
      };
    });
  }
}

rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
