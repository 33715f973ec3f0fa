export * from './arrange.ts';
export * from './build.ts';
export * from './costs.ts';
export * from './coverage.ts';
export * from './errors.ts';
export * from './plan.ts';
export * from './planner.ts';
export * from './profile.ts';
