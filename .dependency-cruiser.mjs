/**
 * The import borders (docs/ARCHITECTURE.md). `npm run check` enforces them.
 * Tests, testing folders and scripts follow the same borders, except that they may use Node.
 */

/** What each package may import of ours. Apps, bench and e2e may import any package; no app may import another. */
const MAY_IMPORT = {
  cdc: [],
  runtime: [],
  protocol: [],
  onnx: ['cdc'],
  'tfjs-import': ['onnx'],
  'onnx-import': ['onnx', 'protocol', 'runtime', 'tfjs-import'],
  planner: ['cdc', 'onnx', 'protocol'],
  engine: ['onnx', 'protocol', 'runtime'],
  coordinator: ['cdc', 'planner', 'protocol', 'runtime'],
  'data-plane-client': ['coordinator', 'planner', 'protocol', 'runtime'],
  device: ['engine', 'protocol', 'runtime'],
  'model-builder': ['onnx', 'onnx-import', 'planner', 'protocol', 'runtime', 'zoo'],
  simulator: ['cdc', 'coordinator', 'onnx', 'planner', 'protocol', 'runtime'],
  zoo: ['onnx', 'protocol', 'runtime'],
};
/** Packages that do no I/O: time, randomness and transport are parameters. */
const PURE = ['cdc', 'protocol', 'onnx', 'planner', 'coordinator'];

const TEST_CODE = '\\.test\\.tsx?$|/testing/|/scripts/';

const layers = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment: `packages/${name} may import of ours: ${allowed.join(', ') || 'nothing'}.`,
  from: { path: `^packages/${name}/`, pathNot: TEST_CODE },
  to: { path: '^(packages|apps)/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Two files that import each other are one file, or share something that is a third.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-app-imports',
      severity: 'error',
      comment: 'Apps share packages, not each other; a package never imports an app.',
      from: { path: '^(apps/[^/]+|packages)/' },
      to: { path: '^apps/', pathNot: '^$1/' },
    },
    {
      name: 'no-inside-imports',
      severity: 'error',
      comment: 'Another package is imported by its name, through its `exports`, not by a path into it.',
      from: { path: '^((?:packages|apps|tools)/[^/]+|bench|e2e)/' },
      to: {
        path: '^(packages|apps|tools|bench|e2e)/',
        pathNot: '^$1/',
        dependencyTypes: ['local'],
      },
    },
    {
      name: 'pure-packages',
      severity: 'error',
      comment: 'This package does no I/O. What it needs of the world is a parameter.',
      from: { path: `^packages/(${PURE.join('|')})/src/`, pathNot: TEST_CODE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-packages-no-engine',
      severity: 'error',
      comment: 'Transport and engine are injected.',
      from: { path: `^packages/(${PURE.join('|')}|data-plane-client)/src/`, pathNot: TEST_CODE },
      to: { path: 'node_modules/(onnxruntime-|socket\\.io(-client)?/)' },
    },
    {
      name: 'pages-are-browser-code',
      severity: 'error',
      comment: 'Pages and components run in the browser: they know the server by its API only.',
      from: { path: '^apps/control-plane/components/', pathNot: TEST_CODE },
      to: { path: '^apps/control-plane/src/' },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      comment: 'The import names nothing that is exported.',
      from: {},
      to: { couldNotResolve: true },
    },
    ...layers,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/|/\\.next/|/generated/|next-env' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
  },
};
