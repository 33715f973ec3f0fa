export * from './blob-store.ts';
export * from './messages.ts';
export * from './model-builder.ts';
export { serveMain } from './thread-calls.ts';
