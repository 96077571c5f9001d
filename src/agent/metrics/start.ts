import { PerformanceObserver } from 'node:perf_hooks';
import type { Metrics } from '../../base/metrics.ts';
import type { Lookup } from '../config/address.ts';
import type { AgentSettings } from '../config/settings.ts';
import { MetricsHub, type MetricsSink } from './hub.ts';
import { StatsdSink } from './statsd.ts';
import { StatsiteSink } from './statsite.ts';

/** How often the runtime's own figures are told, as in Serf. */
const RUNTIME_EVERY_MS = 1_000;
const NANOS_PER_MILLI = 1e6;

export interface MetricsStart {
  readonly settings: Pick<AgentSettings, 'statsd' | 'statsite'>;
  readonly hostName: string;
  readonly lookup: Lookup;
  readonly log: (text: string) => void;
  /** Ends the runtime's own figures. */
  readonly until: AbortSignal;
}

/** The metrics of an agent, or undefined where nobody asked for any. */
export function startMetrics(options: MetricsStart): MetricsHub | undefined {
  const { settings, hostName, lookup, log: onTrouble } = options;
  const sinks: MetricsSink[] = [];
  if (settings.statsite) sinks.push(new StatsiteSink({ target: settings.statsite, lookup, onTrouble }));
  if (settings.statsd) sinks.push(new StatsdSink({ target: settings.statsd, lookup, onTrouble }));
  if (sinks.length === 0) return undefined;
  const hub = new MetricsHub(sinks, hostName, () => performance.now());
  measureRuntime(hub, options.until);
  return hub;
}

/**
 * The figures of Go's runtime that Node.js has too, under the same names. There are none for single allocations:
 * `malloc_count`, `free_count` and `heap_objects` are left out.
 */
function measureRuntime(metrics: Metrics, until: AbortSignal): void {
  let pausedNanos = 0;
  let runs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      runs += 1;
      pausedNanos += duration * NANOS_PER_MILLI;
      metrics.sample('runtime.gc_pause_ns', duration * NANOS_PER_MILLI);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const timer = setInterval(() => {
    const { heapUsed, rss } = process.memoryUsage();
    metrics.gauge('runtime.num_goroutines', process.getActiveResourcesInfo().length);
    metrics.gauge('runtime.alloc_bytes', heapUsed);
    metrics.gauge('runtime.sys_bytes', rss);
    metrics.gauge('runtime.total_gc_pause_ns', pausedNanos);
    metrics.gauge('runtime.total_gc_runs', runs);
  }, RUNTIME_EVERY_MS).unref();
  until.addEventListener(
    'abort',
    () => {
      clearInterval(timer);
      observer.disconnect();
    },
    { once: true },
  );
}
