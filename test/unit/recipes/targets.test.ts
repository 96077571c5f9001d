import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recipeDirectory } from '../../../src/cli/commands/recipe-world.ts';

/**
 * Files that no program checks are read here as their readers do, each by the grammar of its target. What is read is
 * compared with what the fixture's members say, worked out apart from any template.
 */

interface Given {
  readonly name: string;
  readonly addr: string;
  readonly status?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

interface Fixture {
  readonly members: readonly Given[];
  readonly set?: Readonly<Record<string, string>>;
  readonly leftOut?: Readonly<Record<string, string>>;
  readonly held?: boolean;
}

/** Whom a fixture must list: in one of the states, of the role if there is one, not left out; by name. */
function listed(fixture: Fixture, statuses: readonly string[], role: string | undefined): readonly Given[] {
  return fixture.members
    .filter(({ status = 'alive' }) => statuses.includes(status))
    .filter(({ tags }) => role === undefined || tags?.['role'] === role)
    .filter(({ name }) => fixture.leftOut?.[name] === undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** `10.0.0.1` of `10.0.0.1:7946`, `fd00::7` of `[fd00::7]:7946`. */
const hostOf = ({ addr }: Given): string =>
  addr.replace(/:\d+$/, '').replace(/^\[(?:::ffff:(?=\d+\.))?|\]$/g, '');
const withPort = (host: string, port: string): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function fixturesOf(recipe: string): readonly (readonly [string, Fixture, string])[] {
  const folder = join(recipeDirectory(), recipe, 'fixtures');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.expected'))
    .map((file) => {
      const name = file.slice(0, -'.expected'.length);
      const fixture = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Fixture;
      return [name, fixture, readFileSync(join(folder, file), 'utf8')] as const;
    })
    .filter(([, { held }]) => held !== true);
}

/** The whole text as records, or what is wrong with it. */
function records(text: string, record: RegExp): readonly RegExpExecArray[] {
  const found: RegExpExecArray[] = [];
  const sticky = new RegExp(record, 'y');
  for (let at = 0; at < text.length; ) {
    const one = sticky.exec(text);
    if (one === null) throw new Error(`no record at ${JSON.stringify(text.slice(at, at + 80))}`);
    found.push(one);
    at = sticky.lastIndex;
  }
  return found;
}

describe('a list for libketama', () => {
  /** As libketama reads it: up to the tab the server, behind it a number; a `#` would be a comment. */
  const LINE = /(?<host>\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):(?<port>[1-9]\d*)\t(?<weight>[1-9]\d*)\n/;

  test.each(fixturesOf('memcached'))('%s', (_name, fixture, text) => {
    const { port = '11211', weight = '1' } = fixture.set ?? {};
    const read = records(text, LINE).map(({ groups }) => [
      `${groups?.['host']}:${groups?.['port']}`,
      groups?.['weight'],
    ]);
    const expected = listed(fixture, ['alive'], 'memcached').map((member) => [
      withPort(hostOf(member), member.tags?.['port'] ?? port),
      member.tags?.['weight'] ?? weight,
    ]);
    expect(read.toSorted()).toEqual(expected.toSorted());
  });
});

describe('nodes of Munin', () => {
  /** `[GROUP;HOST]` and indented `KEY VALUE` lines (munin.conf(5)); an address is read as a URL, `fd00:` as its scheme. */
  const NODE =
    /\[(?<group>[A-Za-z0-9-]+);(?<host>[A-Za-z0-9.-]+)\]\n {4}address (?<address>[0-9.]+|\[[0-9a-f:.]+\])\n {4}port (?<port>\d+)\n {4}use_node_name yes\n\n/;

  test.each(fixturesOf('munin'))('%s', (_name, fixture, text) => {
    const { port = '4949', group = 'cluster' } = fixture.set ?? {};
    const read = records(text, NODE).map(({ groups }) => ({ ...groups }));
    const expected = listed(fixture, ['alive', 'leaving', 'failed'], undefined).map((member) => ({
      group: member.tags?.['role'] ?? group,
      host: member.name,
      address: hostOf(member).replace(/^(.*:.*)$/, '[$1]'),
      port: member.tags?.['munin_port'] ?? port,
    }));
    expect(read).toEqual(expected);
  });
});

describe('a file of environment variables', () => {
  /** What systemd.exec(5) and a shell read alike: a name, and in quotes no character that either gives a meaning to. */
  const LINE = /(?<name>[A-Z][A-Z0-9_]*)="(?<value>[A-Za-z0-9_.,:[\]-]*)"\n/;

  test.each(fixturesOf('envfile'))('%s', (_name, fixture, text) => {
    const { prefix = 'MEMBERS', port = '80' } = fixture.set ?? {};
    const members = listed(fixture, ['alive'], 'web');
    const expected = {
      [`${prefix}_COUNT`]: String(members.length),
      [`${prefix}_NAMES`]: members.map(({ name }) => name).join(','),
      [`${prefix}_ADDRS`]: members.map(hostOf).join(','),
      [`${prefix}_SERVERS`]: members
        .map((member) => withPort(hostOf(member), member.tags?.['port'] ?? port))
        .join(','),
    };
    const read = records(text, LINE).map(({ groups }) => [groups?.['name'], groups?.['value']]);
    expect(Object.fromEntries(read)).toEqual(expected);
    const shell = execFileSync('/bin/sh', ['-euc', `${text}\nset`], { env: {}, encoding: 'utf8' });
    const variables = shell.split('\n').filter((line) => line.startsWith(`${prefix}_`));
    expect(variables.toSorted()).toEqual(
      Object.entries(expected)
        .map(([name, value]) => `${name}='${value}'`)
        .toSorted(),
    );
  });
});
