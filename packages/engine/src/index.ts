export * from './adaptive-engine.ts';
export * from './direct-engine.ts';
export * from './engine.ts';
export * from './loop-isolation.ts';
export * from './measure-speed.ts';
export * from './process-engine.ts';
export * from './worker-engine.ts';
