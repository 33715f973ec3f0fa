/**
 * `npm test`: lint, import borders, types, unit and contract tests, end-to-end tests in a real browser.
 * The last line is "N passed, N failed, N skipped". `npm test -- --no-e2e` runs without the browser.
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
      // A log file must not contain color codes.
      env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), ...environment },
    }).status ?? 1
  );
}

function add(name, passed, failed, skipped = 0) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
}

/** Adds the counts in a runner's report. A runner without a report, or with an error, has at least one failure. */
function addReport(name, status, path, read) {
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
addReport('unit', unit, unitReport, (report) => ({
  passed: report.numPassedTests,
  // A test file that fails to load reports no test.
  failed:
    report.numFailedTests +
    (report.testResults ?? []).filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length,
  skipped: report.numPendingTests + report.numTodoTests,
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
    addReport('end-to-end', end, endReport, ({ stats }) => ({
      passed: stats.expected,
      failed: stats.unexpected + stats.flaky,
      skipped: stats.skipped,
    }));
  }
}

rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
