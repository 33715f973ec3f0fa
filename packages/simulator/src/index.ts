export type { Coverage } from './checker.ts';
export type { Tampering } from './data-plane.ts';
export type { PromiseName, Violation } from './promises.ts';
export { type SimulationOptions, type SimulationResult, simulate } from './simulation.ts';
