import type { NetworkEffects } from '../base/machine.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDelegate } from './delegate.ts';

/** What the gossip layer is made of. */
export interface SwimOptions {
  readonly config: SwimConfig;
  readonly random: Random;
  readonly effects: NetworkEffects;
  readonly delegate: SwimDelegate;
  readonly trace?: Trace | undefined;
  readonly metrics?: Metrics | undefined;
}
