import type { Benchmark } from './benchmark.ts';

/**
 * Every benchmark by name, one line each. Loaded only when asked for, so that measuring one thing does not start
 * with the native libraries of all the others in memory.
 */
export const registry: Record<string, () => Promise<Benchmark>> = {
  encode: async () => (await import('./encode.ts')).encode,
  decode: async () => (await import('./decode.ts')).decode,
  gather: async () => (await import('./gather.ts')).gather,
  corruption: async () => (await import('./corruption.ts')).corruption,
  failover: async () => (await import('./failover.ts')).failover,
  plan: async () => (await import('./plan.ts')).plan,
  dashboard: async () => (await import('./dashboard.ts')).dashboard,
  graphs: async () => (await import('./graphs.ts')).graphs,
  predict: async () => (await import('./predict.ts')).predict,
};
