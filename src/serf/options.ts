import type { Metrics } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { SwimOptions } from '../swim/swim.ts';
import type { SerfConfig } from './config.ts';
import type { SerfEffects } from './effects.ts';
import type { SwimPort } from './swim-port.ts';

/** What a Serf machine is made of. */
export interface SerfOptions {
  readonly config: SerfConfig;
  readonly random: Random;
  readonly effects: SerfEffects;
  readonly trace?: Trace | undefined;
  /** Told of measurements as they happen. */
  readonly metrics?: Metrics | undefined;
  /** Makes the layer below; only tests give another one than SWIM itself. */
  readonly createSwim?: ((options: SwimOptions) => SwimPort) | undefined;
}
