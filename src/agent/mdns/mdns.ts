import { hostPort } from '../../base/address.ts';
import { Counters } from '../../base/counters.ts';
import { CodedError, WireError } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import type { TraceLevel } from '../../base/trace.ts';
import { systemText } from '../../runtime/net-errors.ts';
import type { DnsMessage } from './dns.ts';
import { decodeDns } from './dns-reader.ts';
import { encodeDns } from './dns-writer.ts';
import { agentsIn } from './found.ts';
import { Joiner } from './joiner.ts';
import { type Family, GROUPS, type MdnsNetwork, type MdnsSocket } from './network.ts';
import { type Announcement, createZone, pollQuery, responsesTo, type Zone } from './zone.ts';

/** From one poll to the next. */
export const POLL_INTERVAL_MS = 60_000;
/** How long a poll listens for answers. */
export const POLL_LISTEN_MS = 1_000;
/** More than the polls of a large cluster ask for, less than what would serve to flood a forged sender. */
export const MAX_ANSWERS_PER_SECOND = 200;

export interface MdnsOptions {
  readonly announcement: Announcement;
  readonly families: readonly Family[];
  readonly network: MdnsNetwork;
  /** Joins through the agent; resolves with how many answered, rejects when none did. */
  readonly join: (addresses: readonly string[]) => Promise<number>;
  readonly log: (level: TraceLevel, text: string) => void;
  /** True while no other member is alive. */
  readonly alone: () => boolean;
}

/** Makes this agent known in its network, and joins others of its cluster that are found there (agent.md 12). */
export class Mdns {
  readonly #options: MdnsOptions;
  readonly #zone: Zone;
  readonly #joiner: Joiner;
  readonly #counters = new Counters();
  readonly #sockets = new Set<MdnsSocket>();
  #timer: NodeJS.Timeout | undefined;
  #listening = false;
  #closed = false;
  #second = 0;
  #answersThisSecond = 0;

  /**
   * Listens, and begins to poll. A family that this machine cannot do is left out.
   *
   * @throws CodedError `ERR_START_MDNS` when there is no family left, `ERR_MDNS_NAME` when DNS has no room for a name
   */
  static async start(options: MdnsOptions): Promise<Mdns> {
    const mdns = new Mdns(options);
    await mdns.#listen();
    void mdns.#poll();
    return mdns;
  }

  private constructor(options: MdnsOptions) {
    this.#options = options;
    this.#zone = createZone(options.announcement);
    const { join, log, alone, announcement } = options;
    const own = hostPort(announcement.address);
    const again = (address: Address): boolean => alone() && hostPort(address) !== own;
    this.#joiner = new Joiner({ join, log, counters: this.#counters, again });
  }

  /** What was dropped, by reason. A live view. */
  get counters(): ReadonlyMap<string, number> {
    return this.#counters.values;
  }

  /** Ends it, any number of times; resolves when every socket is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#joiner.close();
    clearTimeout(this.#timer);
    await this.#closeAll([...this.#sockets]);
  }

  async #listen(): Promise<void> {
    const { families, network } = this.#options;
    const failures = await this.#forEach(families, async (family) => {
      const socket: MdnsSocket = await network.listen(family, (from, bytes) => {
        this.#receive(bytes, (message) =>
          message.response ? this.#found(message) : this.#answer(socket, from, message),
        );
      });
      this.#sockets.add(socket);
    });
    if (failures.length < families.length) return;
    throw new CodedError(
      'ERR_START_MDNS',
      `No multicast listeners could be started (${failures.join(', ')})`,
    );
  }

  /** Asks both groups, listens for a while, and arranges for the next time. */
  async #poll(): Promise<void> {
    this.#timer = setTimeout(() => void this.#poll(), POLL_INTERVAL_MS);
    const { families, log } = this.#options;
    const query = encodeDns(pollQuery(this.#zone.service));
    const asking: MdnsSocket[] = [];
    this.#listening = true;
    const failures = await this.#forEach(families, async (family) => {
      asking.push(await this.#ask(family, query));
    });
    if (this.#closed) {
      await this.#closeAll(asking);
      return;
    }
    if (failures.length === families.length)
      log('ERR', `Failed to poll for new hosts: ${failures.join(', ')}`);
    setTimeout(() => {
      this.#listening = false;
      void this.#closeAll(asking);
    }, POLL_LISTEN_MS).unref();
  }

  async #ask(family: Family, query: Uint8Array): Promise<MdnsSocket> {
    const socket = await this.#options.network.ask(family, (_from, bytes) => {
      this.#receive(bytes, (message) => this.#found(message));
    });
    this.#sockets.add(socket);
    try {
      await socket.send(GROUPS[family], query);
      return socket;
    } catch (error) {
      await this.#closeAll([socket]);
      throw error;
    }
  }

  /** Does `work` for every family at once; resolves with a text for each that failed. */
  async #forEach(
    families: readonly Family[],
    work: (family: Family) => Promise<void>,
  ): Promise<readonly string[]> {
    const failures: string[] = [];
    const all = families.map((family) =>
      work(family).catch((error: unknown) => void failures.push(`${family}: ${systemText(error)}`)),
    );
    await Promise.all(all);
    return failures;
  }

  #receive(bytes: Uint8Array, handle: (message: DnsMessage) => void): void {
    if (this.#closed) return;
    try {
      handle(decodeDns(bytes));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#counters.add(`drop:${error.code}`);
    }
  }

  #found(message: DnsMessage): void {
    if (!this.#listening) return;
    for (const address of agentsIn(message, this.#zone.service)) this.#joiner.offer(address);
  }

  /** Serf hears an answer only at the address and port it asked from, whatever the question prefers. */
  #answer(socket: MdnsSocket, from: Address, message: DnsMessage): void {
    for (const response of responsesTo(this.#zone, message)) {
      if (!this.#mayAnswer()) {
        this.#counters.add('drop:mdns-answer');
        continue;
      }
      socket.send(from, encodeDns(response)).catch(() => this.#counters.add('drop:mdns-send'));
    }
  }

  #mayAnswer(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) this.#answersThisSecond = 0;
    this.#second = second;
    this.#answersThisSecond += 1;
    return this.#answersThisSecond <= MAX_ANSWERS_PER_SECOND;
  }

  async #closeAll(sockets: readonly MdnsSocket[]): Promise<void> {
    const open = sockets.filter((socket) => this.#sockets.delete(socket));
    await Promise.all(open.map((socket) => socket.close()));
  }
}
