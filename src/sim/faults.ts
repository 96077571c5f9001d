/** Everything a world can do to its nodes, by the name under which it is counted. */
export const FAULTS = {
  loss: 'a datagram vanished',
  duplicate: 'a datagram arrived twice',
  corrupt: 'bytes of a datagram were flipped',
  tail: 'a datagram took longer than the floor, by the exponential tail',
  reorder: 'a datagram arrived after one sent later on the same link',
  partition: 'a datagram met a partition',
  'one-way': 'a datagram met a partition that lets the other direction pass',
  clog: 'a datagram was held by a clogged link or a blocked process',
  'clog-overflow': 'a datagram vanished because what held it was full',
  mtu: 'a datagram was too large for its link and vanished',
  'stream-refused': 'a connection was refused although somebody listened',
  'stream-cut': 'a connection was reset in the middle of an exchange',
  'stream-half-open': 'a connection carried nothing in one direction, for ever',
  'stream-slow': 'bytes of a stream took longer than a datagram would',
  'stream-stall': 'bytes of a stream waited for a partition to end',
  pause: 'a process was stopped',
  'inbox-kept': 'an input waited in the kernel of a stopped process',
  'inbox-overflow': 'a datagram found the inbox of a stopped process full',
  'clock-rate': 'a clock began to run fast or slow',
  'clock-step': 'a clock jumped ahead',
  'clock-stall': 'a clock stood still',
  crash: 'a process died and its kernel reset its connections',
  'power-loss': 'a machine went silent at once',
  restart: 'a dead node came back',
  'disk-kept': 'a node came back with its disk as it was',
  'disk-lost': 'a node came back without its disk',
  'disk-torn': 'a node came back with the last snapshot line torn',
  'new-address': 'a node came back under another address',
} as const;

export type FaultName = keyof typeof FAULTS;

/** Every fault's name, in the order of the table. */
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** How often each fault has fired. */
export type FaultCounts = Readonly<Record<FaultName, number>>;

/** Counts faults, so that a run can prove that they happened. */
export class FaultTally {
  readonly #counts: Record<FaultName, number>;

  constructor() {
    this.#counts = Object.fromEntries(FAULT_NAMES.map((name) => [name, 0])) as Record<FaultName, number>;
  }

  add(name: FaultName): void {
    this.#counts[name] += 1;
  }

  /** A copy of the counts. */
  get counts(): FaultCounts {
    return { ...this.#counts };
  }
}

/** The sum of several runs' counts. */
export function addCounts(a: FaultCounts, b: FaultCounts): FaultCounts {
  return Object.fromEntries(FAULT_NAMES.map((name) => [name, a[name] + b[name]])) as Record<
    FaultName,
    number
  >;
}
