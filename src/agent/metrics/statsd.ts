import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Lookup } from '../config/address.ts';
import type { MetricsTarget } from '../config/settings.ts';
import type { MetricsSink } from './hub.ts';

/** Fits every network's packets, as Serf's. */
const PACKET_BYTES = 1_400;
/** How long a line waits for others to share its packet. */
const FLUSH_MS = 100;
/** Packets on their way to the system; more are lost, and counted. */
const MOST_PENDING = 256;
/** After a name could not be resolved. */
const RETRY_MS = 10_000;

export interface SinkOptions {
  readonly target: MetricsTarget;
  readonly lookup: Lookup;
  /** Told of trouble when it begins, and when it is over. */
  readonly onTrouble: (text: string) => void;
  /** Pause before a lost connection is tried again, doubled each time up to a minute. */
  readonly firstPauseMs?: number;
}

/** Sends lines to statsd: UDP, several lines a packet. What cannot be sent is lost and counted. */
export class StatsdSink implements MetricsSink {
  readonly #options: SinkOptions;
  #socket: Socket | undefined;
  #address: string | undefined;
  #buffer = '';
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #pending = 0;
  #dropped = 0;
  #isTroubled = false;
  #isClosed = false;

  constructor(options: SinkOptions) {
    this.#options = options;
    void this.#open();
  }

  get dropped(): number {
    return this.#dropped;
  }

  line(text: string): void {
    if (this.#isClosed) return;
    if (this.#buffer.length + text.length > PACKET_BYTES) this.#flush();
    this.#buffer += text;
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  async close(): Promise<void> {
    this.#flush();
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await new Promise<void>((resolve) => {
      if (this.#socket === undefined) resolve();
      else this.#socket.close(() => resolve());
    });
  }

  async #open(): Promise<void> {
    const { target, lookup } = this.#options;
    try {
      const address = await lookup(target.host);
      if (this.#isClosed) return;
      this.#address = address;
      this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4').unref();
      this.#socket.on('error', (error) => this.#trouble(error.message));
    } catch (error) {
      this.#trouble(error instanceof Error ? error.message : String(error));
      this.#retry = setTimeout(() => void this.#open(), RETRY_MS).unref();
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const packet = this.#buffer;
    this.#buffer = '';
    if (packet === '') return;
    if (this.#socket === undefined || this.#pending >= MOST_PENDING) {
      this.#lost(packet);
      return;
    }
    this.#pending += 1;
    this.#socket.send(packet, this.#options.target.port, this.#address, (error) => {
      this.#pending -= 1;
      if (error !== null) {
        this.#lost(packet);
        this.#trouble(error.message);
      } else if (this.#isTroubled) {
        this.#isTroubled = false;
        this.#options.onTrouble('metrics: statsd can be sent to again');
      }
    });
  }

  #lost(packet: string): void {
    this.#dropped += packet.split('\n').length - 1;
  }

  #trouble(why: string): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    const { host, port } = this.#options.target;
    this.#options.onTrouble(
      `metrics: cannot send to statsd at ${host}:${port}: ${why}; metrics are lost until it can`,
    );
  }
}
