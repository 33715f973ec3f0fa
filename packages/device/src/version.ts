/** The agent's version, as in its package.json. */
export const AGENT_VERSION = '0.1.0';
