import type { Benchmark } from './benchmark.ts';

/**
 * All benchmarks by name. Each loads on demand, so that a measurement does not start with the native
 * libraries of other benchmarks in memory.
 */
export const registry: Record<string, () => Promise<Benchmark>> = {
  encode: async () => (await import('./encode.ts')).encode,
  decode: async () => (await import('./decode.ts')).decode,
  gather: async () => (await import('./gather.ts')).gather,
  corruption: async () => (await import('./corruption.ts')).corruption,
  failover: async () => (await import('./failover.ts')).failover,
  plan: async () => (await import('./plan.ts')).plan,
  dashboard: async () => (await import('./dashboard.ts')).dashboard,
  duel: async () => (await import('./duel.ts')).duel,
  graphs: async () => (await import('./graphs.ts')).graphs,
  predict: async () => (await import('./predict.ts')).predict,
  pi: async () => (await import('./pi.ts')).pi,
  'speed-up': async () => (await import('./speed/speed-up.ts')).speedUp,
  integers: async () => (await import('./integers.ts')).integers,
  cpu: async () => (await import('./speed/cpu.ts')).cpu,
};
