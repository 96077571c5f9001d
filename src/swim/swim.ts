import { assert } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import { Deadlines } from '../base/deadlines.ts';
import type { Load } from '../base/load.ts';
import type {
  Address,
  DatagramFailure,
  Machine,
  Millis,
  OperationId,
  StreamId,
  StreamInput,
} from '../base/machine.ts';
import { AckTable } from './acks.ts';
import { Awareness } from './awareness.ts';
import { BroadcastQueue, MAX_BROADCASTS } from './broadcasts.ts';
import { Burials, type Remains } from './burials.ts';
import { cidrFilter } from './cidr.ts';
import { ownFacts } from './claims.ts';
import { plainConfig, type SwimConfig } from './config.ts';
import { Contacts } from './contacts.ts';
import type { SwimDeadline } from './deadline.ts';
import type { JoinTarget, MemberFacts, SwimDelegate, SwimMember } from './delegate.ts';
import { envelopeOf } from './envelope-config.ts';
import { fire, type TimedParts } from './fire.ts';
import { Flushes } from './flushes.ts';
import { Gossiper } from './gossiper.ts';
import { Intake } from './intake.ts';
import { type ExchangeFailure, Joins } from './joins.ts';
import { MemberTable, type MemberView } from './members.ts';
import { Membership } from './membership.ts';
import type { SwimOptions } from './options.ts';
import { frameUser } from './packer.ts';
import { PingResponder } from './pings.ts';
import { Prober } from './prober.ts';
import { AntiEntropy } from './push-pull.ts';
import { Sender } from './sender.ts';
import { StateExchange } from './state-exchange.ts';
import { exchangeRole, inboundRole, messageRole, pingRole, type RoleParts } from './stream-roles.ts';
import { Streams } from './streams.ts';
import { protocolMax } from './versions.ts';

/** Most bytes of metadata a node may announce (memberlist.md 1.11). */
export const META_LIMIT = 512;

export type { SwimOptions };

/**
 * The gossip layer: memberlist's protocol as a synchronous machine. This facade builds the parts and routes inputs
 * to them; it holds no rule of the protocol.
 */
export class Swim implements Machine {
  readonly #config: SwimConfig;
  readonly #delegate: SwimDelegate;
  readonly #counters: Counters;
  readonly #deadlines = new Deadlines<SwimDeadline>();
  readonly #members: MemberTable;
  readonly #burials: Burials;
  readonly #contacts: Contacts;
  readonly #awareness: Awareness;
  readonly #membership: Membership;
  readonly #sender: Sender;
  readonly #prober: Prober;
  readonly #gossiper: Gossiper;
  readonly #intake: Intake;
  readonly #streams: Streams;
  readonly #joins: Joins;
  readonly #antiEntropy: AntiEntropy;
  readonly #roles: RoleParts;
  readonly #flushes: Flushes;
  readonly #timed: TimedParts;
  #running = false;
  /** How full every queue and table is, and its limit. */
  readonly loads: () => Load[];

  constructor(options: SwimOptions) {
    const { random, effects, delegate, trace } = options;
    const config = plainConfig(options.config);
    this.#config = config;
    this.#delegate = delegate;
    const counters = new Counters(options.metrics);
    this.#counters = counters;
    const deadlines = this.#deadlines;
    const members = new MemberTable(random);
    const queue = new BroadcastQueue();
    const envelope = envelopeOf(config);
    const allows = cidrFilter(config.cidrsAllowed);
    const awareness = new Awareness(config.lifeguard.localHealth ? config.awarenessMaxMultiplier : 1);
    const base = { config, envelope, members, queue, deadlines, awareness, delegate, effects, random };
    const shared = { ...base, counters, allows, trace };
    this.#burials = new Burials(shared);
    const membership = new Membership({ ...shared, burials: this.#burials });
    const sender = new Sender(shared);
    const acks = new AckTable(deadlines, counters);
    const exchange = new StateExchange({ ...shared, membership });
    this.#roles = { ...shared, exchange };
    const streams = new Streams({
      ...shared,
      tcpTimeoutMs: config.tcpTimeoutMs,
      inbound: inboundRole(this.#roles),
    });
    this.#contacts = new Contacts({ config, acks, sender });
    const pings = new PingResponder({ ...shared, acks, sender });
    this.#prober = new Prober({
      ...shared,
      membership,
      acks,
      sender,
      openPingStream: (target, seq, until) => this.#openPing(target, seq, until),
      abandonStream: (id) => streams.abandon(id),
    });
    this.#flushes = new Flushes(deadlines, delegate);
    this.#members = members;
    this.#awareness = awareness;
    this.#membership = membership;
    this.#sender = sender;
    this.#streams = streams;
    const broadcasts = (): Load => ({ what: 'broadcasts', size: queue.size, limit: MAX_BROADCASTS });
    const holders = [acks, this.#contacts, streams];
    this.loads = () => [broadcasts(), members.buriedLoad, ...holders.map(({ load }) => load)];
    const [prober, contacts, flushes] = [this.#prober, this.#contacts, this.#flushes];
    this.#intake = new Intake({ ...shared, membership, pings, prober, contacts });
    this.#joins = new Joins({
      delegate,
      openExchange: (now, target) => this.#openExchange(now, target, true),
    });
    this.#antiEntropy = new AntiEntropy({
      ...shared,
      openExchange: (now, target) => this.#openExchange(now, target, false),
    });
    const gossiper = new Gossiper({ ...shared, sender });
    this.#gossiper = gossiper;
    this.#timed = { prober, pings, gossiper, antiEntropy: this.#antiEntropy, membership, streams, flushes };
  }

  get members(): MemberView {
    return this.#members;
  }

  /** Our own record; only after `start`. */
  get self(): SwimMember {
    const self = this.#membership.self;
    assert(self !== undefined, 'self is known after start');
    return self;
  }

  /** 0 is healthy. */
  get healthScore(): number {
    return this.#awareness.score;
  }

  /** True when at least one key is installed. */
  get encrypted(): boolean {
    return (this.#config.keyring?.size ?? 0) > 0;
  }

  get counters(): ReadonlyMap<string, number> {
    return this.#counters.values;
  }

  /** Takes members as known and alive, and tells nobody. */
  preload(now: Millis, members: readonly SwimMember[]): void {
    this.#members.load(now, members);
    this.#antiEntropy.settleIn(now);
  }

  /** Announces ourselves and begins to probe, gossip and exchange state. */
  start(now: Millis): void {
    assert(!this.#running, 'start is called once');
    this.#running = true;
    this.#membership.announce(now, this.#ownFacts());
    this.#prober.start(now);
    this.#gossiper.start(now);
    this.#antiEntropy.start(now);
    this.attend(now);
  }

  datagram(now: Millis, from: Address, bytes: Uint8Array): void {
    if (!this.#running) return;
    this.#intake.datagram(now, from, bytes);
    this.attend(now);
  }

  stream(now: Millis, id: StreamId, input: StreamInput): void {
    if (!this.#running) return;
    this.#streams.input(now, id, input);
    this.attend(now);
  }

  undeliverable(now: Millis, to: Address, why: DatagramFailure): void {
    if (!this.#running) return;
    this.#counters.add(`undeliverable:${why}`);
    this.#prober.undeliverable(to);
    this.attend(now);
  }

  tick(now: Millis): void {
    if (!this.#running) return;
    for (let due = this.#deadlines.take(now); due !== undefined; due = this.#deadlines.take(now)) {
      fire(now, this.#timed, due);
      if (!this.#running) return;
    }
    this.attend(now);
  }

  nextDeadline(): Millis {
    return this.#running ? this.#deadlines.next() : Number.POSITIVE_INFINITY;
  }

  /** Ends every input: what was queued for gossip, here or in the layer above, gets its turn. */
  attend(now: Millis): void {
    if (!this.#running) return;
    this.#flushes.settle(now);
    this.#gossiper.attend(now);
  }

  /** The host woke us `lateMs` after our deadline: past a probe interval, we are the slow one. */
  lagged(_now: Millis, lateMs: Millis): void {
    if (this.#running && lateMs > this.#config.probeIntervalMs) this.#prober.lagged();
  }

  /** Push/pulls with each target in turn; settles as `joined`. */
  join(now: Millis, operation: OperationId, targets: readonly JoinTarget[]): void {
    this.#joins.start(now, operation, targets);
  }

  /** Tells the others that we go; settles as `sent` or `timeout` (0: never). We keep answering until `shutdown`. */
  leave(now: Millis, operation: OperationId, timeoutMs: Millis): void {
    const others = this.#membership.hasOthers();
    this.#membership.leave(now, () => this.#flushes.flushed(operation));
    this.#flushes.expect(now, operation, timeoutMs, others);
  }

  /** Announces our metadata anew; settles as `sent` or `timeout` (0: never). */
  update(now: Millis, operation: OperationId, timeoutMs: Millis): void {
    const others = this.#membership.hasOthers();
    this.#membership.announce(now, this.#ownFacts(), () => this.#flushes.flushed(operation));
    this.#flushes.expect(now, operation, timeoutMs, others);
  }

  /** Pings somebody who is no live member, without further ado; `answered` is called at most once. */
  contact(to: Address, name: string, answered: (now: Millis) => void): void {
    if (this.#running) this.#contacts.ping(to, name, answered);
  }

  /** Lets no peer bring back a member that is gone; see `Burials`. */
  bury(now: Millis, name: string, remains: Remains | undefined, keepMs: Millis): void {
    this.#burials.bury(now, name, remains, keepMs);
  }

  /** Sends one user message as one datagram, as best we can; nothing tells whether it arrives. */
  sendUser(to: Address, payload: Uint8Array, peer?: string): void {
    const known = peer === undefined ? undefined : this.#members.get(peer);
    this.#sender.send(to, frameUser(payload), known === undefined ? undefined : protocolMax(known.facts.vsn));
  }

  /** Sends one user message over a stream; settles as `sent` once it is written, or as `undelivered`. */
  sendUserReliably(now: Millis, operation: OperationId, to: Address, payload: Uint8Array): void {
    const role = messageRole(this.#roles, payload, (at, outcome) =>
      this.#delegate.settled(at, operation, outcome),
    );
    this.#streams.open(to, role, now + this.#config.tcpTimeoutMs);
  }

  /** Ends everything at once and says nothing; later inputs are ignored. */
  shutdown(now: Millis): void {
    if (!this.#running) return;
    this.#running = false;
    this.#streams.closeAll();
    this.#joins.abort(now);
  }

  #openExchange(now: Millis, target: JoinTarget, joining: boolean): StreamId {
    const role = exchangeRole(this.#roles, joining, (at, stream, failure) => {
      this.#counters.metrics?.sample('memberlist.pushPullNode', at - now);
      this.#exchanged(at, stream.id, failure);
    });
    return this.#streams.open(target.address, role, now + this.#config.tcpTimeoutMs);
  }

  #exchanged(now: Millis, id: StreamId, failure: ExchangeFailure | undefined): void {
    this.#joins.exchanged(now, id, failure);
    this.#antiEntropy.exchanged(now, id, failure);
  }

  #openPing(target: MemberFacts, seq: number, until: Millis): StreamId {
    const role = pingRole(this.#roles, target.name, seq, () => this.#prober.streamContact(seq));
    return this.#streams.open(target.address, role, until);
  }

  #ownFacts(): MemberFacts {
    const meta = this.#delegate.meta(META_LIMIT);
    assert(meta.length <= META_LIMIT, 'metadata fits its limit');
    return ownFacts(this.#config, meta);
  }
}
