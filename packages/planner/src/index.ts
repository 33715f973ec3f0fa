export * from './build.ts';
export type { DeviceCapacity, DeviceSpeed } from './costs.ts';
export * from './errors.ts';
export * from './explain.ts';
export * from './plan.ts';
export * from './planner.ts';
export * from './profile.ts';
