import { ipBytes } from '../../src/base/address.ts';
import type { Address, Millis, OperationId } from '../../src/base/machine.ts';
import type { World } from '../../src/sim/world.ts';
import { PROFILES, SWIM_DEFAULTS, type SwimConfig } from '../../src/swim/config.ts';
import type { MemberFacts, SwimDelegate, SwimNotice, SwimOutcome } from '../../src/swim/delegate.ts';
import type { Packer } from '../../src/swim/packer.ts';
import { Swim } from '../../src/swim/swim.ts';

/** A gossip node in a world, with everything its delegate was told. */
export interface SwimNode {
  readonly name: string;
  readonly address: Address;
  readonly swim: Swim;
  readonly notices: SwimNotice[];
  readonly received: string[];
  readonly outcomes: Map<OperationId, SwimOutcome>;
  meta: Uint8Array;
  /** Payloads to contribute once each. */
  readonly outbox: Uint8Array[];
  admit: (members: readonly MemberFacts[], merging: boolean) => string | undefined;
  /** `name:status` of every record, sorted. */
  view(): string[];
  /** Types of the notices about a member, in order. */
  story(name: string): string[];
  join(to: Address | readonly Address[]): OperationId;
}

/** A notice with what its member is now; the table's own view of it changes with the table. */
export function keepable(notice: SwimNotice): SwimNotice {
  if (!('member' in notice)) return notice;
  const { facts, incarnation, status, since } = notice.member;
  return { ...notice, member: { facts, incarnation, status, since } };
}

let operations = 0;

export function swimConfig(name: string, address: Address, options: Partial<SwimConfig> = {}): SwimConfig {
  return {
    ...PROFILES.lan,
    ...SWIM_DEFAULTS,
    name,
    addr: ipBytes(address.ip)!,
    port: address.port,
    bindPort: address.port,
    ...options,
  };
}

/** Starts a node at 127.0.0.`host`:7946 (or another address). */
export function addSwim(
  world: World,
  name: string,
  host: number | Address,
  options: Partial<SwimConfig> = {},
): SwimNode {
  const address = typeof host === 'number' ? { ip: `127.0.0.${host}`, port: 7946 } : host;
  const notices: SwimNotice[] = [];
  const received: string[] = [];
  const outcomes = new Map<OperationId, SwimOutcome>();
  const outbox: Uint8Array[] = [];
  const delegate: SwimDelegate = {
    meta: () => node.meta,
    receive: (_now, payload) => received.push(Buffer.from(payload).toString()),
    hasBroadcasts: () => outbox.length > 0,
    contribute(packer: Packer) {
      while (outbox.length > 0 && (outbox[0] as Uint8Array).length <= packer.freeForUser) {
        packer.addUser(outbox.shift() as Uint8Array);
      }
    },
    localState: () => Buffer.from(`state of ${name}`),
    mergeRemoteState: (_now, state) => received.push(Buffer.from(state).toString()),
    ackPayload: () => Buffer.from(`ack of ${name}`),
    admit: (members, merging) => node.admit(members, merging),
    notice(_now: Millis, notice: SwimNotice) {
      const told = keepable(notice);
      notices.push(told);
    },
    settled: (_now, operation, outcome) => outcomes.set(operation, outcome),
  };
  const node: SwimNode = {
    name,
    address,
    notices,
    received,
    outcomes,
    outbox,
    meta: new Uint8Array(0),
    admit: () => undefined,
    swim: undefined as unknown as Swim,
    view: () => Array.from(node.swim.members.values(), (m) => `${m.facts.name}:${m.status}`).sort(),
    story: (member) =>
      notices
        .filter((n) => n.type !== 'rtt' && n.type !== 'conflict' && n.member.facts.name === member)
        .map((n) => n.type),
    join(to) {
      operations += 1;
      const operation = operations;
      const targets = (Array.isArray(to) ? to : [to]) as Address[];
      world.command(address, (now) =>
        node.swim.join(
          now,
          operation,
          targets.map((target) => ({ address: target, label: `${target.ip}:${target.port}` })),
        ),
      );
      return operation;
    },
  };
  world.add(address, (effects, random) => {
    const swim = new Swim({ config: swimConfig(name, address, options), random, effects, delegate });
    (node as { swim: Swim }).swim = swim;
    return swim;
  });
  return node;
}

/** A host that is no node: sends what it is told, and keeps what it hears. */
export function addProbe(
  world: World,
  address: Address,
): { heard: Uint8Array[]; send(to: Address, bytes: Uint8Array): void } {
  const heard: Uint8Array[] = [];
  let send: (to: Address, bytes: Uint8Array) => void = () => {};
  world.add(address, (effects) => {
    send = (to, bytes) => effects.sendDatagram(to, bytes);
    return {
      start() {},
      datagram: (_now: Millis, _from: Address, bytes: Uint8Array) => void heard.push(Uint8Array.from(bytes)),
      stream() {},
      undeliverable() {},
      tick() {},
      nextDeadline: () => Number.POSITIVE_INFINITY,
    };
  });
  return { heard, send };
}

/** A cluster of `count` nodes named n1…, all joined through n1 and settled. */
export function cluster(world: World, count: number, options: Partial<SwimConfig> = {}): SwimNode[] {
  const nodes = Array.from({ length: count }, (_, i) => addSwim(world, `n${i + 1}`, i + 1, options));
  for (const node of nodes.slice(1)) node.join((nodes[0] as SwimNode).address);
  world.run(5_000);
  return nodes;
}
