import { hostPort } from '../base/address.ts';
import type { Address } from '../base/machine.ts';

/** What the banner shows. */
export interface BannerFacts {
  readonly nodeName: string;
  readonly bind: Address;
  readonly advertise: Address | undefined;
  readonly rpcAddress: string;
  readonly encrypted: boolean;
  readonly snapshot: boolean;
  readonly profile: string;
  readonly compression: boolean;
  /** The name of `discover`; empty for none. */
  readonly mdnsCluster: string;
}

/** The lines under `Serf agent running!`, letter for letter Serf's, the unaligned one included (agent.md 10.1). */
export function bannerLines(facts: BannerFacts): readonly string[] {
  return [
    `                  Node name: '${facts.nodeName}'`,
    `                  Bind addr: '${hostPort(facts.bind)}'`,
    ...(facts.advertise === undefined ? [] : [`Advertise addr: '${hostPort(facts.advertise)}'`]),
    `                   RPC addr: '${facts.rpcAddress}'`,
    `                  Encrypted: ${facts.encrypted}`,
    `                   Snapshot: ${facts.snapshot}`,
    `                    Profile: ${facts.profile}`,
    `Message Compression Enabled: ${facts.compression}`,
    ...(facts.mdnsCluster === '' ? [] : [`               mDNS cluster: ${facts.mdnsCluster}`]),
  ];
}
