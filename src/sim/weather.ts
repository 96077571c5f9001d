import type { Address, Millis } from '../base/machine.ts';

/** What the network does to traffic; may be changed while a world runs. Probabilities are 0..1. */
export interface Weather {
  /** Least delay one way, milliseconds. */
  latencyMs: Millis;
  /** Up to so much more, uniformly; lets datagrams overtake each other. */
  jitterMs: Millis;
  /** Mean of an exponential tail upon that; most datagrams are quick and a few are very late. */
  tailMs: Millis;
  /** Share of datagrams that vanish. Streams lose nothing; `streamLatencyMs` is what retransmissions cost them. */
  loss: number;
  /** Share of datagrams that arrive twice. */
  duplicate: number;
  /** Share of datagrams with a few bytes flipped. */
  corrupt: number;
  /** Larger datagrams vanish, as where fragments are filtered. */
  mtuBytes: number;
  /** Share of connections refused although somebody listens. */
  streamRefuse: number;
  /** Share of connections reset in the middle of an exchange. */
  streamCut: number;
  /** Share of connections that open and then carry nothing in one direction. */
  streamHalfOpen: number;
  /** Mean of an exponential delay of stream bytes beyond a datagram's. */
  streamLatencyMs: Millis;
}

/** A good network: a millisecond one way, nothing lost. */
export const CALM: Readonly<Weather> = {
  latencyMs: 1,
  jitterMs: 0,
  tailMs: 0,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  mtuBytes: Number.POSITIVE_INFINITY,
  streamRefuse: 0,
  streamCut: 0,
  streamHalfOpen: 0,
  streamLatencyMs: 0,
};

/** True where nothing passes from one address to another. */
export type Cut = (from: Address, to: Address) => boolean;

/** A partition is between machines: every port of an IP lies on the same side. */
function ipsOf(addresses: readonly Address[]): ReadonlySet<string> {
  return new Set(addresses.map(({ ip }) => ip));
}

/** Separates these from everybody else, both ways. They still reach each other. */
export function separate(addresses: readonly Address[]): Cut {
  const side = ipsOf(addresses);
  return (from, to) => side.has(from.ip) !== side.has(to.ip);
}

/** Everybody still hears these, and they hear nobody else. */
export function deafen(addresses: readonly Address[]): Cut {
  const side = ipsOf(addresses);
  return (from, to) => side.has(to.ip) && !side.has(from.ip);
}

/** These still hear everybody, and nobody else hears them. */
export function mute(addresses: readonly Address[]): Cut {
  const side = ipsOf(addresses);
  return (from, to) => side.has(from.ip) && !side.has(to.ip);
}
