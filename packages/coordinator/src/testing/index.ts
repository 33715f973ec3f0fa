export { InputPieces } from '../steps/input-pieces.ts';
export { mergeParts, tileRows } from '../steps/parts.ts';
export * from './fake-clock.ts';
export * from './linear-network.ts';
export * from './manual-rig.ts';
export * from './manual-transport.ts';
export * from './memory-fleet.ts';
export * from './rig.ts';
