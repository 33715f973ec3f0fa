export * from './events.ts';
export * from './policy.ts';
export * from './ports.ts';
