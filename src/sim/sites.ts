import type { Address, Machine, Millis, StreamId } from '../base/machine.ts';
import type { NodeClock } from './clock.ts';
import type { StreamEnd } from './streams.ts';

/** A machine a world can host. */
export interface Startable extends Machine {
  start(now: Millis): void;
  /** Told before a tick that comes `lateMs` after its deadline, as the real host tells it. */
  lagged?(now: Millis, lateMs: Millis): void;
}

/** Bytes and messages of one address since the world began, over all its processes. Streams count payload only. */
export interface Traffic {
  datagramsOut: number;
  datagramBytesOut: number;
  datagramsIn: number;
  datagramBytesIn: number;
  streamsOpened: number;
  streamBytesOut: number;
  streamBytesIn: number;
}

/** A running process. */
export interface Host {
  readonly site: Site;
  readonly machine: Startable;
  readonly ends: Map<StreamId, StreamEnd>;
  /** Blocked: it acts on its timers, but nothing it sends leaves and nothing sent to it is read. */
  state: 'up' | 'blocked' | 'paused' | 'down';
  /** What its kernel keeps while it is paused or blocked, in order of arrival. */
  inbox: (() => void)[];
  inboxBytes: number;
  /** Datagrams that leave when it is no longer blocked, in order. */
  outbox: (() => void)[];
  nextStream: StreamId;
  /** The deadline, on its own clock, that its wake is set for. */
  armed: Millis;
  /** What its clock showed at its last input; never goes back. */
  lastLocal: Millis;
}

/** An address, for ever; the process at it may die and another take its place. */
export interface Site {
  /** Small and dense, in order of first mention. */
  readonly id: number;
  readonly address: Address;
  readonly clock: NodeClock;
  readonly traffic: Traffic;
  host: Host | undefined;
  /** Processes started here so far. */
  boots: number;
}

/** The address of a site, by which the site itself is found at once when it comes back as a destination. */
class SiteAddress implements Address {
  readonly ip: string;
  readonly port: number;
  #home: { readonly sites: Sites; readonly id: number } | undefined;

  constructor({ ip, port }: Address) {
    this.ip = ip;
    this.port = port;
  }

  settle(sites: Sites, id: number): void {
    this.#home = { sites, id };
  }

  static idIn(sites: Sites, address: Address): number {
    const home = address instanceof SiteAddress ? address.#home : undefined;
    return home?.sites === sites ? home.id : -1;
  }
}

/** Addresses interned to sites; looking one up builds no string. */
export class Sites {
  readonly #byIp = new Map<string, Site[]>();
  readonly #all: Site[] = [];
  readonly #makeClock: () => NodeClock;

  constructor(makeClock: () => NodeClock) {
    this.#makeClock = makeClock;
  }

  /** The site of an address, or undefined when nothing ever ran there. */
  find(address: Address): Site | undefined {
    const id = SiteAddress.idIn(this, address);
    if (id >= 0) return this.#all[id];
    const here = this.#byIp.get(address.ip);
    if (here === undefined) return undefined;
    for (const site of here) if (site.address.port === address.port) return site;
    return undefined;
  }

  byId(id: number): Site {
    return this.#all[id] as Site;
  }

  /** The site of an address, made at its first mention. */
  intern(address: Address): Site {
    const known = this.find(address);
    if (known !== undefined) return known;
    const id = this.#all.length;
    const own = new SiteAddress(address);
    own.settle(this, id);
    const site: Site = {
      id,
      address: own,
      clock: this.#makeClock(),
      traffic: noTraffic(),
      host: undefined,
      boots: 0,
    };
    this.#all.push(site);
    const here = this.#byIp.get(address.ip);
    if (here === undefined) this.#byIp.set(address.ip, [site]);
    else here.push(site);
    return site;
  }
}

/** Traffic of nothing. */
export function noTraffic(): Traffic {
  return {
    datagramsOut: 0,
    datagramBytesOut: 0,
    datagramsIn: 0,
    datagramBytesIn: 0,
    streamsOpened: 0,
    streamBytesOut: 0,
    streamBytesIn: 0,
  };
}
