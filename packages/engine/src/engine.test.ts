import { createAdaptiveEngine } from './adaptive-engine.ts';
import { createBrowserEngine } from './browser-engine.ts';
import { createDirectEngine } from './direct-engine.ts';
import { ProcessEngine } from './process-engine.ts';
import { describeEngine } from './testing/engine-contract.ts';
import { createWorkerEngine } from './worker-engine.ts';

describeEngine('direct engine, native', () => createDirectEngine({ backend: 'native' }));
describeEngine('direct engine, wasm', () => createDirectEngine({ backend: 'wasm' }));
describeEngine('worker engine, native', () => createWorkerEngine({ backend: 'native' }));
describeEngine('worker engine, wasm', () => createWorkerEngine({ backend: 'wasm' }));
describeEngine('adaptive engine, native', () => createAdaptiveEngine({ backend: 'native' }));
describeEngine('process engine', async () => new ProcessEngine('native'));
describeEngine('browser engine', createBrowserEngine, false);
