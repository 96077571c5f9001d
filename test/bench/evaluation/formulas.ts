/** What the literature expects, as functions of the cluster; all of it only for comparison. */

/** Expected protocol periods until a dead member is first pinged, when nobody answers for it (SWIM 3.1, q_f = 1). */
export const FIRST_DETECTION_PERIODS = Math.E / (Math.E - 1);

/** Settings that Serf's convergence simulator asks for. */
export interface GossipSettings {
  /** Members told in each round. */
  readonly fanout: number;
  /** Milliseconds between rounds. */
  readonly intervalMs: number;
  /** Share of datagrams lost, 0..1. */
  readonly loss: number;
  /** Share of members that have failed unnoticed, 0..1. */
  readonly failed: number;
}

/** Share of `n` members that have heard something after `ms`, as the convergence simulator of Serf's documentation has it. */
export function serfShare(ms: number, n: number, gossip: GossipSettings): number {
  const rounds = ms / gossip.intervalMs;
  return 1 / (1 + (n + 1) * Math.exp(-rate(gossip) * rounds));
}

/** When that share is reached, milliseconds: in whole rounds, as the simulator counts. */
export function serfTimeMs(share: number, n: number, gossip: GossipSettings): number {
  const rounds = Math.log(((n + 1) * share) / (1 - share)) / rate(gossip);
  return Math.ceil(rounds) * gossip.intervalMs;
}

/** SWIM's bound of piggybacked copies: 3 · ⌈log(N+1)⌉ (SWIM 5). */
export function swimPiggyback(n: number): number {
  return 3 * Math.ceil(Math.log(n + 1));
}

/** memberlist's: retransmitMult · ⌈log10(N+1)⌉. */
export function transmissions(mult: number, n: number): number {
  return mult * Math.ceil(Math.log10(n + 1));
}

/** Infections each member causes in a round. */
function rate({ fanout, loss, failed }: GossipSettings): number {
  return (fanout * (1 - loss) * (1 - failed)) / 2;
}
