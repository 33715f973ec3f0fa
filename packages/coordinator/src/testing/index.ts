export * from './fake-clock.ts';
export * from './hand-rig.ts';
export * from './hand-transport.ts';
export * from './linear-network.ts';
export * from './memory-fleet.ts';
export * from './rig.ts';
