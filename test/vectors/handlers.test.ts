import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ipBytes } from '../../src/base/address.ts';
import { textOfBytes } from '../../src/base/bytes.ts';
import { type ClusterEvent, MEMBER_EVENT_TYPES, type MemberInfo } from '../../src/events/event.ts';
import { handlerEnvironment } from '../../src/handlers/environment.ts';
import { handlerInput } from '../../src/handlers/stdin.ts';
import { member, query, user } from '../unit/events/samples.ts';

interface HandlerVector {
  readonly name: string;
  readonly hex: string;
  readonly env: Readonly<Record<string, string>>;
}

const vectors: readonly HandlerVector[] = JSON.parse(
  readFileSync(new URL('data/handlers.json', import.meta.url), 'utf8'),
);

/** Undoes the escape; none of the captured values holds a backslash of its own. */
function raw(text: string): string {
  return text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

/** Tags as captured; a value that holds a comma was written without an escape, so a part without `=` or with `c=` belongs to it. */
function tagsOf(column: string): Map<string, string> {
  const tags = new Map<string, string>();
  if (column === '') return tags;
  let last = '';
  for (const part of column.split(',')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals);
    if (last !== '' && (equals < 0 || name === 'k' || name === 'b')) {
      tags.set(last, `${tags.get(last)},${raw(part)}`);
    } else {
      last = raw(name);
      tags.set(last, raw(part.slice(equals + 1)));
    }
  }
  return tags;
}

function membersOf(text: string): MemberInfo[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [name, address, , tags] = line.split('\t') as [string, string, string, string];
      return member(raw(name), { addr: ipBytes(address)!, tags: tagsOf(tags) });
    });
}

function eventOf(vector: HandlerVector): ClusterEvent {
  const { env } = vector;
  const bytes = Buffer.from(vector.hex, 'hex');
  const type = env['SERF_EVENT']!;
  if (type === 'user')
    return user(env['SERF_USER_EVENT']!, Number(env['SERF_USER_LTIME']), { payload: bytes });
  if (type === 'query')
    return query(env['SERF_QUERY_NAME']!, { ltime: Number(env['SERF_QUERY_LTIME']), payload: bytes });
  const known = MEMBER_EVENT_TYPES.find((one) => one === type);
  if (known === undefined) throw new Error(`${vector.name}: no such event ${type}`);
  return { type: known, members: membersOf(textOfBytes(bytes)) };
}

describe('handler runs captured from serf 0.9.4', () => {
  test('are all here', () => {
    expect(vectors.length).toBeGreaterThan(10);
  });

  test.each(vectors.map((vector) => [vector.name, vector] as const))('%s: environment', (_name, vector) => {
    const tags = new Map<string, string>();
    for (const [name, value] of Object.entries(vector.env)) {
      if (name.startsWith('SERF_TAG_')) tags.set(name.slice(9).toLowerCase().replaceAll('_', '.'), value);
    }
    const self = { name: vector.env['SERF_SELF_NAME']!, tags };
    expect(handlerEnvironment(eventOf(vector), { inherited: {}, secretNames: [], self })).toEqual(vector.env);
  });

  test.each(vectors.map((vector) => [vector.name, vector] as const))(
    '%s: standard input',
    (_name, vector) => {
      expect(Buffer.from(handlerInput(eventOf(vector))).toString('hex')).toBe(vector.hex);
    },
  );
});
