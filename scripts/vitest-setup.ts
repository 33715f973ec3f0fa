/** Properties draw the same cases each time, so that a change is judged by itself; FC_SEED draws others. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 20_261_123) });

/** Tests provoke failures; their logs would bury the results. */
process.env.LOG_LEVEL ??= 'silent';
