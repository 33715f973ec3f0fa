export { type Costs, DEFAULT_COSTS, type DeviceCapacity, type DeviceSpeed } from './costs/costs.ts';
export * from './costs/explain.ts';
export * from './errors.ts';
export * from './plan.ts';
export * from './planner.ts';
export * from './profile.ts';
export { profileLoaded } from './profile-loaded.ts';
export * from './steps/build.ts';
export { generatorOf } from './steps/generator-of.ts';
