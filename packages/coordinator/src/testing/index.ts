export * from './fake-clock.ts';
export * from './linear-network.ts';
export * from './memory-fleet.ts';
export * from './rig.ts';
