export * from './api.ts';
export * from './limits.ts';
export * from './tensor.ts';
export * from './wire.ts';
