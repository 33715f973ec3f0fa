export * from './compare.ts';
export { teachableMachineModel } from './teachable-machine.ts';
