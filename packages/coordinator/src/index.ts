export * from './coordinator.ts';
export { AnswerTime, AnswerTimes } from './devices/answer-time.ts';
export type { DeviceStatisticsView } from './devices/device.ts';
export type { Tally } from './devices/tally.ts';
export * from './errors.ts';
export * from './events.ts';
export { type CoordinatorOptions, DEFAULT_OPTIONS } from './options.ts';
export type { SeatSnapshot } from './placement/seat.ts';
export * from './policy.ts';
export * from './ports.ts';
export type { Inference, InferOptions } from './requests/accepted-request.ts';
export {
  type RequestArrivals,
  replayArrivals,
  type SettledRequest,
  type ShardArrival,
} from './requests/arrivals.ts';
export type { DeploymentCounters } from './requests/deployment.ts';
export type { Outage } from './requests/outage.ts';
export type { RequestTrace, ShardStatus, ShardTrace, StepTrace } from './requests/trace.ts';
export type { CoordinatorSnapshot, DeploymentSnapshot, DeviceSnapshot } from './snapshot.ts';
export { BackupHold } from './steps/backup-hold.ts';
export { type Decision, Gather, type ShardState } from './steps/gather.ts';
