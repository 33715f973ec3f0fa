export type { Inference, InferOptions } from './accepted-request.ts';
export {
  judgeArrivals,
  type RequestArrivals,
  type SettledRequest,
  type ShardArrival,
} from './arrivals.ts';
export { assemble, type BlockRange } from './assemble.ts';
export * from './coordinator.ts';
export type { DeploymentCounters } from './deployment.ts';
export type { DeviceStatisticsView } from './device.ts';
export * from './errors.ts';
export * from './events.ts';
export { type Decision, Gather, type ShardState } from './gather.ts';
export { type CoordinatorOptions, DEFAULT_OPTIONS } from './options.ts';
export * from './policy.ts';
export * from './ports.ts';
export type { SeatSnapshot } from './seat.ts';
export type { CoordinatorSnapshot, DeploymentSnapshot, DeviceSnapshot } from './snapshot.ts';
export type { RequestTrace, ShardStatus, ShardTrace, StepTrace } from './trace.ts';
