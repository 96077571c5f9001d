import type { EnvelopeConfig } from '../wire/envelope.ts';
import type { SwimConfig } from './config.ts';

/** The part of the configuration the codec needs. The keyring is shared, so key changes count at once. */
export function envelopeOf(config: SwimConfig): EnvelopeConfig {
  return {
    label: config.label,
    skipInboundLabelCheck: config.skipInboundLabelCheck,
    keyring: config.keyring,
    verifyIncoming: config.gossipVerifyIncoming,
    verifyOutgoing: config.gossipVerifyOutgoing,
    compression: config.enableCompression,
    protocolVersion: config.protocolVersion,
  };
}
