/** The release, equal to package.json's; a constant so that `version` reads no file and bundling cannot lose it. */
export const VERSION = '0.1.0';

/** Serf's agent protocol: the newest this program speaks, and the oldest it understands. */
export const AGENT_PROTOCOL = 5;
export const AGENT_PROTOCOL_MIN = 2;
