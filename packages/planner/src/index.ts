export * from './build.ts';
export { type Costs, DEFAULT_COSTS, type DeviceCapacity, type DeviceSpeed } from './costs.ts';
export * from './errors.ts';
export * from './explain.ts';
export * from './plan.ts';
export * from './planner.ts';
export * from './profile.ts';
