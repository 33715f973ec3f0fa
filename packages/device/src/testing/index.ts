export * from './data-plane-double.ts';
export * from './manual-clock.ts';
export * from './shard-store-contract.ts';
