import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithSerf } from '../support/interop.ts';
import { connected, expectSame, killTwins, startTwins, type Twins } from './differential.ts';
import { stopAll, waitFor } from './helpers.ts';
import { type Body, type Heard, request } from './raw-rpc.ts';

/** The same handlers under a real agent and under ours: what they are given, and what becomes of what they say. */

const folder = mkdtempSync(join(tmpdir(), 'differential-handlers-'));

/** Tags that need care: blanks, the separators of stdin, letters whose upper form is longer, a collision-free dash. */
const TAGS = {
  role: 'we\tb\n',
  'a-b': '1',
  ünï: 'é\t,=x',
  straße: 's',
  '😀': 'e',
  '': 'no name',
  eq: 'a=b,c',
  bs: 'a\\tb',
  q: '\'"`$(id)',
};

/** Everything a handler is given, as one text: Serf's variables and the bytes of its input. */
const TELL = [
  "{ env -0 | tr '\\n\\0' '~\\n' | LC_ALL=C grep -a ^SERF | LC_ALL=C sort | sed 's/LTIME=.*/LTIME=/'",
  'od -An -v -tx1; echo end; } >> "$TOLD"',
].join('; ');

const ANSWERS: readonly (readonly [name: string, script: string])[] = [
  ['both', 'echo a; echo b >&2; echo c'],
  ['nothing', 'true'],
  ['failing', 'echo out; exit 3'],
  ['killed', 'echo out; kill -9 $$'],
  ['missing', '/no/such/file'],
  ['blank lines', "printf 'x\\n\\n'"],
  ['bytes', "printf '\\000\\377\\200'"],
  ['input', 'cat'],
  ['no input', 'exec 0<&-; echo done'],
  ['most of a packet', "head -c 950 /dev/zero | tr '\\0' y"],
  ['too much', "head -c 2000 /dev/zero | tr '\\0' y"],
  ['a child that keeps the output', 'sleep 0.3 & echo early'],
  ['a child that does not', 'sleep 20 > /dev/null 2>&1 & echo early'],
  ['the shell', 'echo $0 $#; pwd; umask'],
];

let twins: Twins;
const same = (script: (ip: string) => Promise<unknown>): Promise<unknown> => expectSame(twins, script);
const toldOf = (ip: string): string => join(folder, ip);

/** What was told since the file was last taken, without its bytes: order within a line is left to the map of each. */
async function told(ip: string, ends: number): Promise<string[]> {
  const path = toldOf(ip);
  const count = (): number => (existsSync(path) ? readFileSync(path, 'latin1').split('end\n').length - 1 : 0);
  await waitFor(`${ends} runs at ${ip}`, () => count() >= ends);
  const text = readFileSync(path, 'latin1');
  writeFileSync(path, '');
  return text.split('end\n').filter((run) => run !== '');
}

/** A run of a member event: its variables, and its one line by columns, tags sorted. */
function memberRun(run: string): unknown {
  const [variables, dump] = split(run);
  const [name, , role, tags] = Buffer.from(dump, 'hex').toString().trimEnd().split('\t');
  // A comma within a tag separates as well, for both alike.
  return [variables, name, role, tags?.split(',').sort()];
}

function split(run: string): [variables: string[], dump: string] {
  const lines = run.split('\n').filter((line) => line !== '');
  const dump = lines.filter((line) => line.startsWith(' '));
  return [lines.filter((line) => !line.startsWith(' ')), dump.join('').replaceAll(' ', '')];
}

afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

describeWithSerf('handlers, under a real agent and under ours', () => {
  beforeAll(async () => {
    const config = join(folder, 'agent.json');
    const handlers = [
      `member-join,member-update,user=TOLD=${folder}/$(cat /proc/$PPID/cmdline | tr '\\0' '\\n' | sed -n 's/-bind=//p'); ${TELL}`,
      ...ANSWERS.map(([name, script]) => `query:${name}=${script}`),
      'query:two=echo first',
      'query:two=echo second',
    ];
    writeFileSync(config, JSON.stringify({ tags: TAGS, event_handlers: handlers }));
    twins = await startTwins(['127.98.41.', '127.98.42.'], ['-config-file', config]);
  });
  afterAll(() => killTwins(twins));

  it('a member event: every tag as a variable, one line of four columns', async () => {
    const seen = await same(async (ip) => (await told(ip, 1)).map(memberRun));
    expect(JSON.stringify(seen)).toContain('SERF_TAG_STRA_E=s');
  });

  it.each<[string, Body]>([
    ['a line', { Name: 'plain', Payload: Buffer.from('hello') }],
    ['lines with their end', { Name: 'nl', Payload: Buffer.from('a\tb\n\nc\n') }],
    ['nothing', { Name: 'empty', Payload: null }],
    ['bytes', { Name: 'bytes', Payload: Buffer.from([0, 255, 10, 0]) }],
    ['a name with blanks', { Name: 'a\tb\nc d', Payload: Buffer.from('x') }],
    ['a name that is no UTF-8', { Name: Buffer.from([0x27, 0x25, 0x5c, 0xe9, 0xff]), Payload: null }],
  ])('a user event with %s', async (_, body) => {
    await same(async (ip) => {
      const client = await connected(ip);
      client.send(rawEvent(body));
      const answer = await client.fenced();
      client.close();
      return [answer, (await told(ip, 1)).map(split)];
    });
  });

  it.each([...ANSWERS.map(([name]) => name), 'two'])('a query answered with %s', async (name) => {
    await same(async (ip) => {
      const client = await connected(ip);
      client.send(request('query', 5, { Name: name, Payload: Buffer.from('in'), Timeout: 1_200_000_000n }));
      const heard = [...(await client.fenced()), ...(await client.listen(1_400))];
      client.close();
      const isAnswer = (item: Heard): boolean => (item as { Type?: unknown } | null)?.Type === 'response';
      return heard.filter(isAnswer);
    });
  });

  it('tags set at run time are variables of the next run', async () => {
    await same(async (ip) => {
      const client = await connected(ip);
      await client.ask('tags', { Tags: { late: 'x y' }, DeleteTags: ['bs', 'q'] });
      client.close();
      return (await told(ip, 1)).map(memberRun);
    });
  });
});

/** An event whose name may be bytes: written in the string family, as old clients do. */
function rawEvent({ Name, Payload }: Body): Buffer {
  if (!Buffer.isBuffer(Name)) return request('event', 1, { Name, Payload, Coalesce: false });
  const name = Buffer.concat([Buffer.from([0xa0 + Name.length]), Name]);
  return Buffer.concat([request('event', 1), Buffer.from([0x81, 0xa4]), Buffer.from('Name'), name]);
}
