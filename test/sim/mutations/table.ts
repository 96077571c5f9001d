import type { Mutation } from './mutation.ts';
import { SERF_MUTATIONS } from './serf.ts';
import { SWIM_MUTATIONS } from './swim.ts';

/** Every deliberate bug a campaign has to find. */
export const MUTATIONS: readonly Mutation[] = [...SWIM_MUTATIONS, ...SERF_MUTATIONS];
