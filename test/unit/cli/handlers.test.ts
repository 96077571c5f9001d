import { describe, expect, test } from 'vitest';
import { writtenEvent } from '../../../src/cli/event-text.ts';
import { ageText, handlersText, runsText, testText } from '../../../src/cli/handlers-text.ts';
import { palette } from '../../../src/cli/style.ts';
import type { HandlerRecord, HandlerRunRecord } from '../../../src/rpc/handler-records.ts';
import { run } from './fake-context.ts';

const options = { paint: palette(false), width: 200, now: Date.parse('2026-01-01T00:01:00Z') };

const last: HandlerRunRecord = {
  id: 7,
  handler: 'hosts',
  cause: 'event',
  event: 'member-join',
  attempt: 2,
  started: '2026-01-01T00:00:00.000Z',
  state: 'failed',
  duration_ms: 1_500,
  exit: 'exit status 3',
  stdout: 'a\nb\n',
  stderr: 'bad \u001b[31m\n',
};

const hosts: HandlerRecord = {
  name: 'hosts',
  kind: 'state',
  command: './hosts.sh',
  state: 'held',
  queued: 0,
  running: 0,
  runs: 3,
  failures: 1,
  dropped: 0,
  holds: ['min_members: 1 member in view, at least 2 are needed'],
  figures: {},
  last,
};

describe('an event on the command line', () => {
  test.each([
    ['user:deploy=v=2', { event: 'user', name: 'deploy', ltime: 1, payload: 'v=2' }],
    ['query:load', { event: 'query', name: 'load', ltime: 1, payload: '' }],
    ['member-failed=a,b', { event: 'member-failed', names: ['a', 'b'] }],
    ['member-join', { event: 'member-join', names: [] }],
    ['{"event":"user"}', { event: 'user' }],
  ])('%s', (text, expected) => {
    const written = writtenEvent(text);
    expect('event' in written ? JSON.parse(written.event) : written).toEqual(expected);
  });

  test('may be a recorded one, and nothing else', () => {
    expect(writtenEvent('run:17')).toEqual({ run: 17 });
    for (const text of ['run:x', 'user', 'member-joined', ''])
      expect(() => writtenEvent(text)).toThrow('is no event');
  });
});

describe('agent handlers', () => {
  test('shows each handler on a line, and what holds it back below', () => {
    expect(handlersText([hosts], options)).toBe(
      [
        'NAME   KIND   STATE  RUNS  FAILED  QUEUED  DROPPED  LAST RUN       COMMAND',
        'hosts  state  held   3     1       0       0        failed 1m ago  ./hosts.sh',
        '  held: min_members: 1 member in view, at least 2 are needed',
      ].join('\n'),
    );
    expect(handlersText([], options)).toBe('This agent has no handlers.');
  });

  test('a handler of event_handlers has its command in its name, and not again', () => {
    const script = { ...hosts, name: 'user:deploy=./hosts.sh', kind: 'script' as const, holds: [] };
    const [, line = ''] = handlersText([script], options).split('\n');
    expect(line).toMatch(/^user:deploy=\.\/hosts\.sh .* failed 1m ago$/);
  });

  test('shows a run with its output, and no control character of it', () => {
    expect(runsText([last], options)).toBe(
      [
        'run 7  2026-01-01T00:00:00.000Z  member-join, attempt 2',
        '  failed after 1.5s: exit status 3',
        '  stdout | a',
        '  stdout | b',
        '  stderr | bad \\x1b[31m',
      ].join('\n'),
    );
  });

  test('shows an attempt of a renderer with what became of the file, or the step that failed', () => {
    const { stdout: _stdout, stderr: _stderr, ...common } = last;
    const attempt = {
      ...common,
      kind: 'renderer',
      cause: 'change',
      event: 'render 2 members, generation 4: +b',
      attempt: 1,
    } as const;
    expect(runsText([{ ...attempt, state: 'ok', exit: 'replaced, reload ok in 12ms' }], options)).toBe(
      [
        'run 7  2026-01-01T00:00:00.000Z  render 2 members, generation 4: +b (change)',
        '  ok after 1.5s: replaced, reload ok in 12ms',
      ].join('\n'),
    );
    expect(runsText([{ ...attempt, step: 'verify', exit: 'verify failed' }], options)).toContain(
      '  failed at verify after 1.5s: verify failed',
    );
  });

  test('shows what a handler would do', () => {
    const text = testText(
      {
        handler: 'hosts',
        verdict: 'would run once',
        would_run: true,
        command: './hosts.sh',
        environment: { SERF_EVENT: 'user' },
        stdin: 'x\n',
        executed: { ok: false, exit: 'exit status 1', stdout: '', stderr: 'no\n' },
      },
      palette(false),
    );
    expect(text.split('\n')).toEqual([
      'hosts would run once',
      '  command | ./hosts.sh',
      '  env     | SERF_EVENT=user',
      '  stdin   | x',
      '',
      '  failed: exit status 1',
      '  stderr | no',
    ]);
  });

  test.each([
    [999, '0s'],
    [59_999, '59s'],
    [3_600_000, '1h'],
    [90_000_000, '1d'],
  ])('counts an age of %d ms as %s', (ms, text) => expect(ageText(ms)).toBe(text));

  test.each([
    [['handlers', 'bogus'], "'bogus' is none of list, log, rerun, test, approve"],
    [['handlers', 'log'], "'log' needs the name of a handler"],
    [['handlers', 'log', 'a', 'b'], 'too many arguments'],
  ])('refuses %j', async (words, text) => {
    const { code, stderr } = await run(words);
    expect(code).toBe(1);
    expect(stderr).toContain(text);
  });

  test('says that it needs one of our agents when Serf answers', async () => {
    const { code, stderr } = await run(['handlers'], {
      client: { ask: () => Promise.reject(new Error('Unsupported command')) },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('this needs a reeve agent');
  });
});
