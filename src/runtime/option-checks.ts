import { nearest } from '../base/nearest.ts';
import { SERF_DEFAULTS } from '../serf/config.ts';
import { PROFILES, SWIM_DEFAULTS } from '../swim/config.ts';
import * as argument from './arguments.ts';
import type { ClusterOptions } from './cluster-options.ts';

/**
 * Refuses options that no compiler has looked at and that would fail later, far from here, or mean something else.
 *
 * @throws CodedError `ERR_ARGUMENT` naming the option
 */
export function checkOptions(options: ClusterOptions): void {
  if (typeof options !== 'object' || options === null) argument.refuse('options', 'an object', options);
  const {
    nodeName,
    bind,
    advertise,
    profile = 'lan',
    tags,
    keys,
    label,
    coalesce,
    snapshot,
    trace,
  } = options;
  if (argument.text('nodeName', nodeName) === '')
    argument.refuse('nodeName', 'a text that is not empty', nodeName);
  for (const [what, place] of Object.entries({ bind, advertise })) {
    if (place === undefined) continue;
    if (typeof place !== 'object' || place === null)
      argument.refuse(what, 'an object such as { ip: "10.0.0.1" }', place);
    argument.text(`${what}.ip`, place.ip);
    if (place.port !== undefined) argument.number(`${what}.port`, place.port);
  }
  if (!Object.hasOwn(PROFILES, profile)) {
    argument.refuse('profile', `one of ${Object.keys(PROFILES).join(', ')}`, profile);
  }
  if (tags !== undefined) argument.tags('tags', tags);
  if (keys !== undefined) {
    if (!Array.isArray(keys)) argument.refuse('keys', 'a list of keys', keys);
    for (const key of keys) argument.bytes('each of keys', key);
  }
  if (trace !== undefined && typeof trace?.note !== 'function') {
    argument.refuse('trace', 'an object with a function note', trace);
  }
  if (label !== undefined) argument.text('label', label);
  if (snapshot !== undefined) argument.text('snapshot.path', snapshot?.path);
  const periods = ['memberPeriodMs', 'memberQuiescentMs', 'userPeriodMs', 'userQuiescentMs'] as const;
  if (coalesce !== undefined) for (const key of periods) argument.number(`coalesce.${key}`, coalesce?.[key]);
  checkOverrides('serf', options.serf, SERF_DEFAULTS);
  checkOverrides('swim', options.swim, { ...PROFILES.lan, ...SWIM_DEFAULTS });
}

/** Each setting has to be known, and of the type that its default has. */
function checkOverrides(what: string, overrides: object | undefined, defaults: object): void {
  const presets = new Map<string, unknown>(Object.entries(defaults));
  for (const [key, value] of Object.entries(overrides ?? {}) as [string, unknown][]) {
    const preset = presets.get(key);
    if (!presets.has(key)) {
      const guess = nearest(key, [...presets.keys()]);
      argument.refuse(
        `${what}.${key}`,
        `a setting that there is${guess === undefined ? '' : ` (${guess}?)`}`,
        value,
      );
    }
    if (typeof preset === 'number') argument.number(`${what}.${key}`, value as number);
    else if (preset === undefined && value !== undefined && typeof value !== 'function') {
      argument.refuse(`${what}.${key}`, 'a function', value);
    } else if (preset !== undefined && typeof preset !== typeof value) {
      argument.refuse(`${what}.${key}`, `a ${typeof preset}`, value);
    }
  }
}
