export * from './blob-frame.ts';
export * from './finite.ts';
export * from './frame.ts';
export * from './limits.ts';
export * from './parse.ts';
export * from './parser.ts';
export * from './tensor.ts';
export * from './wire.ts';
