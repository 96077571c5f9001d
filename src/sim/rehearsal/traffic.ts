import type { Millis } from '../../base/machine.ts';
import type { SimNode } from '../node.ts';
import { ascending, mean, quantile } from '../report/quantiles.ts';
import { noTraffic, type Traffic } from '../sites.ts';

/** Traffic is added up for so long before it becomes a point of a curve. */
const WINDOW_MS = 1_000;

/** Bytes a second that the nodes sent in one window, datagrams and streams together. */
export interface TrafficPoint {
  /** The end of the window. */
  readonly at: Millis;
  readonly mean: number;
  readonly p99: number;
}

/** Per node and second over the whole time: the mean of the nodes, and the nodes above it. */
export interface TrafficShare {
  readonly mean: number;
  readonly p99: number;
  readonly max: number;
}

export interface TrafficSums {
  readonly datagramBytes: TrafficShare;
  readonly datagrams: TrafficShare;
  readonly streamBytes: TrafficShare;
  readonly streams: TrafficShare;
}

interface Watched {
  readonly node: SimNode;
  readonly since: Millis;
  readonly from: Traffic;
  last: number;
}

/** Measures what nodes send. Sizes are payloads of UDP and TCP, without the headers below. */
export class TrafficMeter {
  readonly points: TrafficPoint[] = [];
  readonly #watched: Watched[] = [];
  #windowFrom: Millis;

  constructor(now: Millis) {
    this.#windowFrom = now;
  }

  /** Counts a node from now on. */
  add(node: SimNode, now: Millis): void {
    const from = { ...noTraffic(), ...node.traffic };
    this.#watched.push({ node, since: now, from, last: sentBytes(from) });
  }

  /** To be called often; makes a point whenever a window is over. */
  sample(now: Millis): void {
    const spanMs = now - this.#windowFrom;
    if (spanMs < WINDOW_MS) return;
    const rates: number[] = [];
    for (const watched of this.#watched) {
      const bytes = sentBytes(watched.node.traffic);
      if (watched.node.isRunning) rates.push(((bytes - watched.last) * 1000) / spanMs);
      watched.last = bytes;
    }
    const sorted = ascending(rates);
    this.points.push({ at: now, mean: mean(sorted) ?? 0, p99: quantile(sorted, 0.99) ?? 0 });
    this.#windowFrom = now;
  }

  /** Of the nodes that still run. */
  sums(now: Millis): TrafficSums {
    const share = (of: (traffic: Readonly<Traffic>) => number): TrafficShare => {
      const rates = this.#watched
        .filter(({ node, since }) => now > since && node.isRunning)
        .map(({ node, since, from }) => ((of(node.traffic) - of(from)) * 1000) / (now - since));
      const sorted = ascending(rates);
      return { mean: mean(sorted) ?? 0, p99: quantile(sorted, 0.99) ?? 0, max: sorted.at(-1) ?? 0 };
    };
    return {
      datagramBytes: share((traffic) => traffic.datagramBytesOut),
      datagrams: share((traffic) => traffic.datagramsOut),
      streamBytes: share((traffic) => traffic.streamBytesOut),
      streams: share((traffic) => traffic.streamsOpened),
    };
  }
}

function sentBytes(traffic: Readonly<Traffic>): number {
  return traffic.datagramBytesOut + traffic.streamBytesOut;
}
