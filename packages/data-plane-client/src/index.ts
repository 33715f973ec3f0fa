export * from './data-plane-link.ts';
export * from './messages.ts';
