import { describe, expect, it } from 'vitest';
import type { Block } from '../../../../src/agent/config/block-spec.ts';
import { decodeConfig } from '../../../../src/agent/config/decode.ts';
import { supervisedSpecs } from '../../../../src/agent/config/handler-specs.ts';

const MINUTE = 60_000;

/** The checked handlers that a file with this `handlers` object states. */
function specs(handlers: object) {
  const [entry] = decodeConfig('c.json', JSON.stringify({ handlers }));
  return supervisedSpecs(entry?.value as ReadonlyMap<string, Block>, {
    host: {
      user: (name) => (name === 'www' ? { name, uid: 33, gid: 33, home: '/var/www' } : undefined),
    },
    timeoutMs: 5 * MINUTE,
    secretNames: ['SERF_ENCRYPT'],
  });
}

function failure(text: string): string {
  try {
    decodeConfig('c.json', text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

const failureOf = (handler: object): string => failure(JSON.stringify({ handlers: { h: handler } }));

describe('handlers in a configuration file', () => {
  it('have every default filled in', () => {
    const [spec] = specs({ h: { run: 'true' } });
    expect(spec).toMatchObject({
      name: 'h',
      kind: 'classic',
      command: ['/bin/sh', '-c', 'true'],
      shown: 'true',
      filters: [{ type: '*' }],
      timeoutMs: 5 * MINUTE,
      queue: { limit: 1024, overflow: 'drop-oldest' },
      retry: { attempts: 1, backoffMs: 1000, maxBackoffMs: MINUTE, jitter: 0.2 },
      concurrency: 1,
      user: undefined,
      rerunInterrupted: false,
    });
  });

  it('state everything else by field, in any case of letters', () => {
    const [spec] = specs({
      'web.hosts': {
        Command: ['/bin/update hosts', "it's"],
        kind: 'persistent',
        events: ['user:deploy', 'member-join'],
        members: { name: 'web-.*', tags: { role: 'web|db' }, self: 'exclude' },
        timeout: '10s',
        queue: { limit: 5, overflow: 'drop-newest' },
        retry: { attempts: 3, backoff: '100ms', max_backoff: '2s', jitter: 0 },
        user: 'www',
        directory: '/srv',
        environment: { inherit: ['PATH'], set: { MODE: 'x' } },
        acknowledge: true,
        in_flight: 7,
      },
    });
    expect(spec).toMatchObject({
      shown: "'/bin/update hosts' 'it'\\''s'",
      filters: [{ type: 'user', name: 'deploy' }, { type: 'member-join' }],
      timeoutMs: 10_000,
      retry: { attempts: 3, backoffMs: 100, maxBackoffMs: 2000, jitter: 0 },
      user: { uid: 33 },
      environment: { inherit: ['PATH'], set: new Map([['MODE', 'x']]) },
      acknowledge: true,
      inFlight: 7,
    });
  });

  it('of kind state say when they act and what holds them back', () => {
    const [spec] = specs({
      h: {
        run: 'x',
        kind: 'state',
        guards: { min_members: 2 },
        wait: { min: '5s' },
        splay: '3s',
        resync: '1m',
      },
    });
    expect(spec?.policy).toMatchObject({
      guards: { minMembers: 2, allowEmpty: false },
      wait: { minMs: 5_000, maxMs: 10_000 },
      splayMs: 3_000,
      resyncMs: MINUTE,
    });
  });

  it('name what is wrong, its line and the nearest known word', () => {
    expect(failure('{"handlers":{\n"h":{"run":"x",\n"tiemout":"1s"}}}')).toBe(
      "Error decoding 'c.json': 1 error(s) decoding:\n\n* 'handlers.h': unknown key 'tiemout', did you mean 'timeout'? (c.json:3)",
    );
  });

  it.each([
    [{}, "'handlers.h': give either 'run' or 'command'"],
    [{ run: 'x', command: ['y'] }, "give either 'run' or 'command'"],
    [{ command: [] }, "'run' or 'command' is empty"],
    [
      { run: 'x', kind: 'sate' },
      "'handlers.h.kind' is 'sate', which is none of classic, persistent, state, did you mean 'state'?",
    ],
    [{ run: 'x', timeout: 5 }, "'handlers.h.timeout' expected a duration such as '30s', got 'number'"],
    [{ run: 'x', timeout: '-1s' }, "'handlers.h.timeout' is -1s, but must be at least 0s"],
    [{ run: 'x', queue: { limit: 0 } }, "'handlers.h.queue.limit' is 0, but must be between 1 and 100000"],
    [{ run: 'x', queue: { limit: 1.5 } }, "'handlers.h.queue.limit' must be a whole number, got 1.5"],
    [{ run: 'x', queue: { lmit: 1 } }, "'handlers.h.queue': unknown key 'lmit', did you mean 'limit'?"],
    [{ run: 'x', events: ['nope'] }, "'handlers.h': events holds 'nope', which is no event"],
    [{ run: 'x', members: { name: '(' } }, "'handlers.h': members.name is no regular expression"],
    [
      { run: 'x', members: { tags: 'web' } },
      "'handlers.h.members.tags' expected an object of texts, got 'string'",
    ],
    [
      { run: 'x', kind: 'state', events: ['user'] },
      "'events' is for kind classic or persistent, and this one is state",
    ],
    [{ run: 'x', members: { statuses: ['left'] } }, "'members.statuses' is for kind state"],
    [{ run: 'x', kind: 'state', members: { statuses: ['dead'] } }, "members.statuses holds 'dead'"],
    [{ run: 'x', guards: { min_members: 1 } }, "'guards' is for kind state, and this one is classic"],
    [{ run: 'x', kind: 'state', guards: { max_removed: '200%' } }, "'guards.max_removed' is 200%"],
    [{ run: 'x', kind: 'state', wait: { min: '9s', max: '1s' } }, "'wait.max' is shorter than 'wait.min'"],
    [{ run: 'x', kind: 'state', retry: { attempts: 2 } }, "'retry.attempts' is not for kind state"],
    [['run'], "'handlers.h' expected a map, got 'slice'"],
  ])('are refused: %j', (handler, text) => {
    expect(failureOf(handler)).toContain(text);
  });

  it('have names that need no quoting anywhere', () => {
    expect(failure('{"handlers":{"a b":{"run":"x"}}}')).toContain(
      "'handlers.a b': the name of a handler has",
    );
    expect(failure('{"handlers":{"../x":{"run":"x"}}}')).toContain('the name of a handler has');
  });

  it('all mistakes of a file are told at once', () => {
    const text = failureOf({ run: 1, timeout: 2, usr: 'x' });
    expect(text).toContain('3 error(s) decoding');
  });

  it('are refused for an unknown user and for asking for a secret', () => {
    expect(() => specs({ h: { run: 'x', user: 'nobody-here' } })).toThrow(
      "Invalid handler 'h': user 'nobody-here' does not exist on this system",
    );
    expect(() => specs({ h: { run: 'x', environment: { inherit: ['SERF_ENCRYPT'] } } })).toThrow(
      'environment.inherit names SERF_ENCRYPT, which holds a key of the agent and is never handed down',
    );
  });

  it('mean the same exactly when their fingerprints are equal', () => {
    const [a, b, c] = specs({
      a: { run: 'x', members: { self: 'only', name: 'n' } },
      b: { members: { name: 'n', self: 'only' }, run: 'x' },
      c: { run: 'x', members: { self: 'only', name: 'm' } },
    });
    expect(a?.fingerprint).toBe(b?.fingerprint);
    expect(a?.fingerprint).not.toBe(c?.fingerprint);
  });
});
