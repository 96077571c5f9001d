import type { FlagTable } from '../flags.ts';
import { FORMAT_FLAG } from '../output-format.ts';

/** Where the unit of packaging/ has its configuration. */
export const DEFAULT_CONFIG_DIR = '/etc/reeve';

/** The flags of every recipe command. */
export const RECIPE_FLAGS = {
  'config-dir': {
    kind: 'text',
    value: 'path',
    default: DEFAULT_CONFIG_DIR,
    doc: `The configuration directory of the agent. Default: ${DEFAULT_CONFIG_DIR}.`,
  },
  format: FORMAT_FLAG,
} as const satisfies FlagTable;
