import { describe, expect, it } from 'vitest';
import { reportsFailure, whoIsAsked } from '../../../src/cli/query-outcome.ts';
import type { ClientQueryRecord } from '../../../src/rpc/records.ts';
import { ack, type FakeWorld, member, response, run, streamOf } from './fake-context.ts';

const MEMBERS = [
  member('a', { tags: new Map([['role', 'web']]) }),
  member('b'),
  member('c', { status: 'failed' }),
  member('d', { status: 'left' }),
];

function cluster(...records: ClientQueryRecord[]): FakeWorld {
  return { client: { members: async () => MEMBERS, query: async () => streamOf(records) } };
}

describe('query --strict', () => {
  it('exits 0 when every live member answered', async () => {
    const world = cluster(ack('a'), response('b', 'ok'), response('a', 'ok'));
    expect(await run(['query', '--strict', 'up'], world)).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits 4 when somebody only acknowledged or was not heard of, and names both', async () => {
    expect(await run(['query', '--strict', 'up'], cluster(ack('a')))).toMatchObject({
      code: 4,
      stderr: 'No answer from: a (only acknowledged), b\n',
    });
  });

  it('exits 3 when an answer reports failure, even if others are missing', async () => {
    expect(
      await run(['query', '--strict', 'up'], cluster(response('a', 'ERROR: disk full\n'))),
    ).toMatchObject({
      code: 3,
      stderr: 'No answer from: b\nFailure reported by: a\n',
    });
  });

  it('counts a name that is no live member as missing', async () => {
    for (const node of ['c', 'ghost']) {
      const world = cluster(response('a', 'ok'));
      expect(await run(['query', '--strict', '-node=a', `-node=${node}`, 'up'], world)).toMatchObject({
        code: 4,
        stderr: `No answer from: ${node}\n`,
      });
    }
  });

  it('asks nobody but the members whose tags match', async () => {
    const world = cluster(response('a', 'ok'));
    expect(await run(['query', '--strict', '-tag', 'role=w', 'up'], world)).toMatchObject({ code: 0 });
  });

  it('exits 4 when nobody was asked', async () => {
    expect(await run(['query', '--strict', '-tag', 'role=db', 'up'], cluster())).toMatchObject({
      code: 4,
      stderr: 'Nobody was asked: no live member passes the filters.\n',
    });
  });

  it('takes an acknowledgement for the answer to a ping', async () => {
    const world = cluster(ack('a'), ack('b'));
    expect(await run(['query', '--strict', '_serf_ping'], world)).toMatchObject({ code: 0, stderr: '' });
  });

  it('believes the agent about silent members it does not list', async () => {
    const world = cluster(response('a', ''), response('b', ''), { type: 'silent', names: ['new'] });
    expect(await run(['query', '--strict', 'up'], world)).toMatchObject({ code: 4 });
  });
});

describe('query without --strict', () => {
  it('names who did not answer and exits 0', async () => {
    expect(await run(['query', 'up'], cluster(response('a', 'ERROR')))).toMatchObject({
      code: 0,
      stderr: 'No answer from: b\n',
    });
  });

  it('shows a long list of names shortened', async () => {
    const members = Array.from({ length: 30 }, (_, i) => member(`n${i + 10}`));
    const client = { members: async () => members, query: async () => streamOf([]) };
    expect((await run(['query', 'up'], { client })).stderr).toMatch(
      /^No answer from: n10, .*, n29 and 10 more\n$/,
    );
  });

  it('refuses a bad expression before anything is sent', async () => {
    expect(await run(['query', '-tag', 'role=[', 'up'], cluster())).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^Error sending query: invalid regular expression in -tag role=\[: .+\n$/,
      ),
    });
  });
});

describe('query --group', () => {
  const answers = cluster(response('b', 'v2\n'), ack('b'), response('a', 'v1'), response('c', 'v2'));

  it('shows equal answers once, the most frequent first, whether a newline ends them or not', async () => {
    expect((await run(['query', '--group', 'version'], answers)).stdout).toBe(
      "Query 'version' dispatched\n\n2 nodes (b, c):\n    v2\n\n1 node (a):\n    v1\n",
    );
  });

  it('says so when nobody answered', async () => {
    expect((await run(['query', '--group', 'version'], cluster())).stdout).toBe(
      "Query 'version' dispatched\n\nNobody answered.\n",
    );
  });

  it('as JSON has counts, names and who is missing', async () => {
    expect(JSON.parse((await run(['query', '--group', '--json', 'version'], answers)).stdout)).toEqual({
      Acks: ['b'],
      Groups: [
        { Count: 2, From: ['b', 'c'], Payload: 'v2\n' },
        { Count: 1, From: ['a'], Payload: 'v1' },
      ],
      Missing: [],
      Failed: [],
    });
  });
});

describe('query -format=jsonl', () => {
  it('prints one line for each record and one at the end; bytes that are no text as base64', async () => {
    const { stdout } = await run(
      ['query', '-format=jsonl', 'x'],
      cluster(ack('a'), response('a', '<\n'), response('b', Uint8Array.of(0xff))),
    );
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { type: 'ack', from: 'a' },
      { type: 'response', from: 'a', payload: '<\n' },
      { type: 'response', from: 'b', payload_base64: '/w==' },
      { type: 'done', acks: 1, responses: 2, missing: [], failed: [] },
    ]);
  });
});

describe('an answer reports failure', () => {
  it.each([
    ['ERROR: no space', true],
    ['error', true],
    ['  Failed\nmore', true],
    ['CRITICAL - load 12', true],
    ['{"ok": false}', true],
    ['{"error": "no space"}', true],
    ['{"error": {"code": 1}}', true],
    ['', false],
    ['ok', false],
    ['failed 0 of 7', false],
    ['errors: 0', false],
    ['all well\nERROR: in the log', false],
    ['{"ok": true, "error": null}', false],
    ['{"error": ""}', false],
    ['{"ok": fals', false],
    ['[{"ok": false}]', false],
  ])('%j: %s', (text, expected) => {
    expect(reportsFailure(Buffer.from(text))).toBe(expected);
  });
});

describe('whom a query asks', () => {
  const asked = async (nodes: string[], tags: Record<string, string>) => [
    ...(await whoIsAsked(MEMBERS, { filterNodes: nodes, filterTags: new Map(Object.entries(tags)) })),
  ];

  it.each([
    [[], {}, ['a', 'b']],
    [[], { role: 'e' }, ['a']],
    [[], { role: '^$' }, ['b']],
    [['a', 'ghost'], {}, ['a', 'ghost']],
    [['a', 'b', 'ghost'], { role: 'web' }, ['a', 'ghost']],
  ])('%j %j: %j', async (nodes, tags, names) => {
    expect(await asked(nodes, tags as Record<string, string>)).toEqual(names);
  });
});
