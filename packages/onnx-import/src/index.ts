export * from './canonical.ts';
export * from './isolated.ts';
