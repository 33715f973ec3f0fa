/** The rows that the speed benchmarks print. Pure. */
import { median, percentile } from '../measure.ts';
import type { PlanChoice } from './speed-deployment.ts';

const rounded = (value: number, digits = 3): number => Number(value.toPrecision(digits));

export interface SpeedUpMeasurement {
  readonly network: string;
  readonly choice: PlanChoice;
  /** How often a request goes to devices. */
  readonly hops: number;
  /** Milliseconds of single requests to plain ONNX Runtime on one host, before and after the fleet ran. */
  readonly oneHostTimes: readonly (readonly number[])[];
  readonly fleetTimes: readonly number[];
  readonly requestsPerSecond: number;
  readonly outputDifference: number;
}

/** Compares a fleet with one of its hosts. A ratio above 1 means that the fleet is better. */
export function speedUpRow(measurement: SpeedUpMeasurement) {
  const { network, choice, hops, oneHostTimes, fleetTimes, requestsPerSecond, outputDifference } =
    measurement;
  const medians = oneHostTimes.map((times) => median(times));
  // The mean of both ends, because the speed of a shared machine drifts.
  const oneHostMs = medians.reduce((sum, ms) => sum + ms, 0) / medians.length;
  const fleetMs = median(fleetTimes);
  return {
    network,
    ...choice,
    hops,
    oneHostP50Ms: rounded(oneHostMs),
    oneHostDrift: rounded(Math.max(...medians) / Math.min(...medians)),
    fleetP50Ms: rounded(fleetMs),
    ratio: rounded(oneHostMs / fleetMs),
    fourInFlightRatio: rounded((requestsPerSecond * oneHostMs) / 1000),
    outputDifference: rounded(outputDifference, 2),
  };
}

export type SpeedUpRow = ReturnType<typeof speedUpRow>;

/** Returns the row with the largest ratio of each network. */
export function bestRows(rows: readonly SpeedUpRow[]): SpeedUpRow[] {
  const best = new Map<string, SpeedUpRow>();
  for (const row of rows) {
    if (row.ratio > (best.get(row.network)?.ratio ?? 0)) best.set(row.network, row);
  }
  return [...best.values()];
}

/** The percentile of a step's engine times that counts. */
const ENGINE_PERCENTILE = 5;

/** What one process spent on all measured requests. */
export interface ProcessCost {
  readonly cpuMs: number;
  readonly fullCollections: number;
}

export interface CpuMeasurement {
  readonly network: string;
  readonly splits: PlanChoice['splits'];
  /** How often a request goes to devices. */
  readonly hops: number;
  readonly requests: number;
  readonly plainCpuMs: number;
  readonly devices: readonly ProcessCost[];
  readonly dataPlane: ProcessCost;
  /** By step, the engine time of single answers in milliseconds, as the devices report it. */
  readonly engineTimes: readonly (readonly number[])[];
}

/** Divides the processor time of a fleet by requests, steps and devices, and compares it with plain ONNX Runtime. */
export function cpuRow(measurement: CpuMeasurement) {
  const { network, splits, hops, requests, plainCpuMs, devices, dataPlane, engineTimes } = measurement;
  const devicesMs = devices.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / requests;
  const dataPlaneMs = dataPlane.cpuMs / requests;
  const perStep = devicesMs / hops / devices.length;
  // Most answers wait for a processor, because the devices share the cores. A low percentile excludes the wait.
  const engine =
    engineTimes.reduce((sum, times) => sum + percentile(times, ENGINE_PERCENTILE), 0) / engineTimes.length;
  const collections = devices.reduce((sum, { fullCollections }) => sum + fullCollections, 0) / devices.length;
  return {
    network,
    splits,
    hops,
    requests,
    plainMs: rounded(plainCpuMs),
    devicesMs: rounded(devicesMs),
    dataPlaneMs: rounded(dataPlaneMs),
    totalOverPlain: rounded((devicesMs + dataPlaneMs) / plainCpuMs),
    deviceMsPerStep: rounded(perStep),
    engineMsPerStep: rounded(engine),
    beyondEngineMsPerStep: rounded(perStep - engine),
    dataPlaneMsPerStep: rounded(dataPlaneMs / hops),
    deviceFullGcPer1000: rounded((1000 * collections) / requests),
    dataPlaneFullGcPer1000: rounded((1000 * dataPlane.fullCollections) / requests),
  };
}

export type CpuRow = ReturnType<typeof cpuRow>;
