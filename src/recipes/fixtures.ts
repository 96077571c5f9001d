import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import type { MemberInfo } from '../events/event.ts';
import { membersOf, nobody } from '../render/listed-members.ts';
import type { Choice } from './options.ts';
import type { Recipe } from './recipe.ts';

/** What a recipe promises, as files: `fixtures/NAME.json`, with `NAME.before` and `NAME.expected` beside it. */

/** What every recipe must show; `agent recipe test` and the tests ask for each. */
export const REQUIRED_FIXTURES: readonly string[] = [
  'none',
  'one',
  'many',
  'failure',
  'rejoin',
  'ipv6',
  'suffixes',
  'hostile-tags',
  'hostile-names',
];

/** Something that happened, for recipes whose handler is told events. */
export interface FixtureEvent {
  /** `member-join` and its like. */
  readonly event: string;
  readonly members: readonly MemberInfo[];
}

export interface Fixture {
  readonly name: string;
  /** One line. */
  readonly what: string;
  readonly self: MemberInfo;
  readonly members: readonly MemberInfo[];
  /** What happens, in order; members are then whom the handler knows nothing of. */
  readonly events: readonly FixtureEvent[];
  /** What the operator chose. */
  readonly choice: Choice;
  /** Who must be left out, with a part of the reason. */
  readonly leftOut: ReadonlyMap<string, string>;
  /** A guard holds: the file must stay as it is. */
  readonly held: boolean;
  /** What of the result differs each time, such as the time of day: shown as `…`. */
  readonly mask: RegExp | undefined;
  /** The file as it was; undefined for none. */
  readonly before: Buffer | undefined;
  /** Where the result stands that must come out. */
  readonly expectedPath: string;
}

const KEYS = ['what', 'self', 'members', 'events', 'set', 'tags', 'leftOut', 'held', 'mask'];

/**
 * The fixtures of a recipe: the required ones in their order, then others by name.
 *
 * @throws CodedError `ERR_RECIPE_FIXTURE` naming the file
 */
export function readFixtures(recipe: Recipe): readonly Fixture[] {
  const folder = join(recipe.folder, 'fixtures');
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length))
    : [];
  const order = (name: string): number => REQUIRED_FIXTURES.indexOf(name) + 1 || REQUIRED_FIXTURES.length + 1;
  return names
    .sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))
    .map((name) => readFixture(folder, name));
}

function readFixture(folder: string, name: string): Fixture {
  const path = join(folder, `${name}.json`);
  const wrong = (why: string, cause?: unknown): CodedError =>
    new CodedError('ERR_RECIPE_FIXTURE', `${path}: ${why}`, { cause });
  let root: Readonly<Record<string, unknown>>;
  try {
    root = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  const unknown = Object.keys(root).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw wrong(`unknown key '${unknown}'; it knows ${KEYS.join(', ')}`);
  const members = membersOf(root['members'] ?? [], wrong);
  const { what, self, tags, mask } = root;
  if (typeof what !== 'string' || what === '') throw wrong("'what' must say what it shows");
  const selfName = typeof self === 'string' ? self : (members[0]?.name ?? 'self');
  const before = join(folder, `${name}.before`);
  return {
    name,
    what,
    self: members.find((member) => member.name === selfName) ?? nobody(selfName),
    members,
    events: eventsOf(root['events'], wrong),
    choice: {
      values: texts('set', root['set'], wrong),
      tags: tags === undefined ? undefined : texts('tags', tags, wrong),
    },
    leftOut: texts('leftOut', root['leftOut'], wrong),
    held: root['held'] === true,
    mask: typeof mask === 'string' ? new RegExp(mask, 'gm') : undefined,
    before: existsSync(before) ? readFileSync(before) : undefined,
    expectedPath: join(folder, `${name}.expected`),
  };
}

function eventsOf(value: unknown, wrong: (why: string) => CodedError): readonly FixtureEvent[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong("'events' must be a list");
  return value.map((entry: unknown, index) => {
    const fields = (entry ?? {}) as Readonly<Record<string, unknown>>;
    const { event } = fields;
    if (typeof event !== 'string') throw wrong(`events[${index}]: 'event' must be a text`);
    return { event, members: membersOf(fields, wrong) };
  });
}

function texts(key: string, value: unknown, wrong: (why: string) => CodedError): ReadonlyMap<string, string> {
  const entries = Object.entries(value ?? {});
  if (entries.every(([, text]) => typeof text === 'string')) return new Map(entries as [string, string][]);
  throw wrong(`'${key}' must be an object of texts`);
}
