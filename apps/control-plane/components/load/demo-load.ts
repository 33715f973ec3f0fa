/** The load that the duel, the stage and the tour start. */
export const DEMO_LOAD = { mode: 'closed', concurrency: 8 } as const;
