import type { Weather } from '../weather.ts';
import { countOf, objectOf, shareOf, timeOf } from './fields.ts';

/** The words for the weather in scenario files. */
const KEYS = {
  latency: ['latencyMs', timeOf],
  jitter: ['jitterMs', timeOf],
  tail: ['tailMs', timeOf],
  loss: ['loss', shareOf],
  duplicate: ['duplicate', shareOf],
  corrupt: ['corrupt', shareOf],
  mtu: ['mtuBytes', (value: unknown, place: string) => countOf(value, place, 64, 65_535)],
  stream_refuse: ['streamRefuse', shareOf],
  stream_cut: ['streamCut', shareOf],
  stream_half_open: ['streamHalfOpen', shareOf],
  stream_latency: ['streamLatencyMs', timeOf],
} as const satisfies Record<string, readonly [keyof Weather, (value: unknown, place: string) => number]>;

/** Reads `{"loss": "5%", "latency": "20ms"}`. What is not there is left out. */
export function readWeather(value: unknown, place: string): Partial<Weather> {
  const object = objectOf(value, place, Object.keys(KEYS));
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, [name, read]]) =>
      object[key] === undefined ? [] : [[name, read(object[key], `${place}.${key}`)]],
    ),
  );
}
