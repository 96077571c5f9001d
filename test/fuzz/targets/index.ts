import type { Target } from '../target.ts';
import { GOSSIP_TARGETS } from './gossip.ts';
import { MACHINE_TARGETS } from './machine.ts';
import { RPC_TARGETS } from './rpc.ts';
import { TEXT_TARGETS } from './text.ts';
import { WIRE_TARGETS } from './wire.ts';

/** Everything that reads bytes from outside. */
export const TARGETS: readonly Target[] = [
  ...GOSSIP_TARGETS,
  ...WIRE_TARGETS,
  ...RPC_TARGETS,
  ...TEXT_TARGETS,
  ...MACHINE_TARGETS,
];
