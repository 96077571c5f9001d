import type { Metrics } from '../../base/metrics.ts';
import { metricLine } from './line.ts';

/** Where finished lines go. */
export interface MetricsSink {
  /** Takes one line, its newline included; never throws, never waits. */
  line(text: string): void;
  /** Lines lost since the start. */
  readonly dropped: number;
  /** Sends what is left, for a moment. */
  close(): Promise<void>;
}

/** Turns measurements into lines for every sink. It keeps nothing itself, so it costs the same whatever is measured. */
export class MetricsHub implements Metrics {
  readonly #sinks: readonly MetricsSink[];
  readonly #hostName: string;
  readonly #clock: () => number;

  /** @param clock milliseconds, monotonic */
  constructor(sinks: readonly MetricsSink[], hostName: string, clock: () => number) {
    this.#sinks = sinks;
    this.#hostName = hostName;
    this.#clock = clock;
  }

  /** Lines lost since the start, by all sinks. */
  get dropped(): number {
    return this.#sinks.reduce((sum, sink) => sum + sink.dropped, 0);
  }

  count(name: string, value: number): void {
    this.#send(metricLine(name, value, 'c', this.#hostName));
  }

  sample(name: string, value: number): void {
    this.#send(metricLine(name, value, 'ms', this.#hostName));
  }

  gauge(name: string, value: number): void {
    this.#send(metricLine(name, value, 'g', this.#hostName));
  }

  timed(name: string, work: () => void): void {
    const startedAt = this.#clock();
    work();
    this.sample(name, this.#clock() - startedAt);
  }

  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  #send(line: string): void {
    for (const sink of this.#sinks) sink.line(line);
  }
}
