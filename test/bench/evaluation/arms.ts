import type { NodeSettings } from '../../../src/sim/settings.ts';
import { type LifeguardParts, SWIM_DEFAULTS } from '../../../src/swim/config.ts';

/** One way of running the same experiment. */
export interface Arm {
  readonly id: string;
  readonly label: string;
  readonly parts: LifeguardParts;
  /** Lifeguard's alpha: suspicionMult. */
  readonly alpha: number;
}

const ALL = SWIM_DEFAULTS.lifeguard;
const NONE: LifeguardParts = { localHealth: false, dynamicSuspicion: false, buddySystem: false };
/** K, the confirmations wanted, is 3 in the paper; memberlist's is alpha - 2, so this alpha gives the paper's. */
const PAPER_ALPHA = 5;

const arm = (id: string, label: string, parts: Partial<LifeguardParts>): Arm => {
  return { id, label, parts: { ...NONE, ...parts }, alpha: PAPER_ALPHA };
};

/** The arms of the Lifeguard tables, the first one is what the others are compared with. */
export const ARMS: readonly Arm[] = [
  arm('swim', 'SWIM alone', {}),
  arm('lha-probe', 'LHA-Probe', { localHealth: true }),
  arm('lha-suspicion', 'LHA-Suspicion', { dynamicSuspicion: true }),
  arm('buddy', 'Buddy System', { buddySystem: true }),
  arm('lifeguard', 'Lifeguard, all three', ALL),
  { id: 'shipped', label: 'Lifeguard, α = 4, as agents run', parts: ALL, alpha: 4 },
];

/** The arm of this id. */
export function armOf(id: string): Arm {
  const found = ARMS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no arm ${id}; there are ${ARMS.map((one) => one.id).join(', ')}`);
  return found;
}

/** Settings of every node of an arm: Serf's lan profile but for what the arm says; uncompressed, which spares time. */
export function settingsOf({ parts, alpha }: Arm): NodeSettings {
  return {
    profile: 'lan',
    snapshot: false,
    swim: { lifeguard: parts, suspicionMult: alpha, enableCompression: false },
  };
}
