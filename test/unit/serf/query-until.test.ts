import { describe, expect, it } from 'vitest';
import type { QueryTally } from '../../../src/serf/awaited.ts';
import { audienceOf } from '../../../src/serf/awaited.ts';
import { PATTERN_LENGTH_LIMIT } from '../../../src/serf/query-filter.ts';
import type { QueryParams } from '../../../src/serf/query-params.ts';
import { World } from '../../../src/sim/world.ts';
import { addSerf, type SerfNode, type SerfSettings } from '../../support/serf-node.ts';
import { bench, facts, membershipOn } from '../../support/serf-parts.ts';

const GRACE_MS = 1_000;

/** n1 asks; n2 is a web server, n3 a database. */
function three(settings: SerfSettings = {}) {
  const world = new World(7);
  const nodes = ['', 'web', 'db'].map((role, i) =>
    addSerf(world, `n${i + 1}`, i + 1, { ...settings, ...(role === '' ? {} : { tags: { role } }) }),
  );
  const [n1, n2, n3] = nodes as [SerfNode, SerfNode, SerfNode];
  for (const node of [n2, n3]) node.join(n1);
  world.run(5_000);
  return { world, n1, n2, n3 };
}

/** Asks on n1 for a minute; `over` is the tally once the query has ended. */
function ask(node: SerfNode, params: Partial<QueryParams>) {
  const operation = node.ask({ name: 'load', timeoutMs: 60_000, ...params });
  return { over: (): QueryTally | undefined => node.tallies.get(operation) };
}

/** Each node's handlers answer what has come so far. */
function answer(...nodes: SerfNode[]) {
  for (const node of nodes) {
    const query = node.queries().at(-1)!;
    node.run((now) => node.serf.respond(now, query.id, Buffer.from('ok')));
  }
}

describe('a query until everybody has answered', () => {
  it('ends when the last alive member has answered, and not before', () => {
    const { world, n1, n2, n3 } = three();
    const { over } = ask(n1, { until: 'responses', requestAck: true });
    world.run(GRACE_MS);
    answer(n1, n2);
    world.run(GRACE_MS);
    expect(over()).toBeUndefined();
    answer(n3);
    world.run(GRACE_MS);
    expect(over()).toEqual({ answered: ['n1', 'n2', 'n3'], acknowledged: [], silent: [] });
  });

  it('acknowledgements do not end it; at the deadline the tally tells answers from mere acknowledgements', () => {
    const { world, n1, n2 } = three();
    const { over } = ask(n1, { until: 'responses', requestAck: true, timeoutMs: 10_000 });
    world.run(GRACE_MS);
    answer(n2);
    world.run(8_900);
    expect(over()).toBeUndefined();
    world.run(200);
    expect(over()).toEqual({ answered: ['n2'], acknowledged: ['n1', 'n3'], silent: [] });
  });

  it('waits only for members the node and tag filters let through', () => {
    const { world, n1, n2 } = three();
    const byTag = ask(n1, { until: 'responses', filterTags: new Map([['role', '^w']]) });
    world.run(GRACE_MS);
    answer(n2);
    const byName = ask(n1, { until: 'responses', filterNodes: ['n2'] });
    world.run(GRACE_MS);
    answer(n2);
    world.run(GRACE_MS);
    expect(byTag.over()?.answered).toEqual(['n2']);
    expect(byName.over()?.answered).toEqual(['n2']);
  });

  it('with nobody to ask it is over at once, and names asked for in vain are silent', () => {
    const { world, n1 } = three();
    const { over } = ask(n1, { until: 'responses', filterNodes: ['ghost'] });
    expect(over()).toBeUndefined();
    world.run(1);
    expect(over()).toEqual({ answered: [], acknowledged: [], silent: ['ghost'] });
  });

  it('does not wait for a member that fails meanwhile, and calls it silent', () => {
    const { world, n1, n2, n3 } = three();
    world.kill(n3.address);
    const { over } = ask(n1, { until: 'responses' });
    world.run(GRACE_MS);
    answer(n1, n2);
    world.run(GRACE_MS);
    expect(over()).toBeUndefined();
    world.run(25_000);
    expect(n1.view()).toContain('n3:failed');
    expect(over()).toEqual({ answered: ['n1', 'n2'], acknowledged: [], silent: ['n3'] });
  });

  it('does not wait for a member that leaves meanwhile', () => {
    const { world, n1, n2, n3 } = three();
    const { over } = ask(n1, { until: 'responses' });
    world.run(GRACE_MS);
    answer(n1, n2);
    n3.run((now, id) => n3.serf.leave(now, id));
    world.run(8_000);
    expect(over()?.silent).toEqual(['n3']);
  });
});

describe('a query until everybody has acknowledged', () => {
  it('ends with the last acknowledgement, within a second of asking', () => {
    const { world, n1 } = three();
    const { over } = ask(n1, { until: 'acks', requestAck: true });
    world.run(GRACE_MS);
    expect(over()).toEqual({ answered: [], acknowledged: ['n1', 'n2', 'n3'], silent: [] });
  });

  it('takes an answer for an acknowledgement', () => {
    const { world, n1, n2, n3 } = three();
    const { over } = ask(n1, { until: 'acks' });
    world.run(GRACE_MS);
    answer(n1, n2, n3);
    world.run(GRACE_MS);
    expect(over()?.answered).toEqual(['n1', 'n2', 'n3']);
  });
});

describe('a query until its deadline', () => {
  it('lasts until then though everybody has answered, and tells the tally all the same', () => {
    const { world, n1, n2, n3 } = three();
    const { over } = ask(n1, { timeoutMs: 10_000 });
    world.run(GRACE_MS);
    answer(n1, n2, n3);
    world.run(8_900);
    expect(over()).toBeUndefined();
    world.run(200);
    expect(over()).toEqual({ answered: ['n1', 'n2', 'n3'], acknowledged: [], silent: [] });
  });
});

describe('a query whose asker was stopped over its deadline', () => {
  it('is over when the asker goes on: answers that waited in its sockets are too late', () => {
    const { world, n1, n2, n3 } = three();
    const { over } = ask(n1, { until: 'deadline', requestAck: true, timeoutMs: 5_000 });
    world.run(GRACE_MS);
    answer(n2);
    world.run(GRACE_MS);
    world.pause(n1.address);
    answer(n3);
    world.run(10_000);
    world.resume(n1.address);
    world.run(GRACE_MS);
    expect(over()).toEqual({ answered: ['n2'], acknowledged: ['n1', 'n3'], silent: [] });
  });
});

describe('whom a query is put to', () => {
  const membership = membershipOn(bench());
  membership.joined(0, facts('a', 1, { role: 'web' }));
  membership.joined(0, facts('b', 2, { role: 'db' }));
  membership.joined(0, facts('c', 3));
  membership.gone(0, 'b');
  const { members } = membership;
  const audience = (filterNodes: string[], filterTags: Record<string, string> = {}) =>
    audienceOf({ filterNodes, filterTags: new Map(Object.entries(filterTags)) }, members);

  it.each([
    { title: 'alive members alone', nodes: [], tags: {}, alive: ['a', 'c'], absent: [] },
    {
      title: 'those named, absent ones apart',
      nodes: ['a', 'b', 'x'],
      tags: {},
      alive: ['a'],
      absent: ['b', 'x'],
    },
    { title: 'a missing tag is empty text', nodes: [], tags: { role: '^$' }, alive: ['c'], absent: [] },
    { title: 'expressions are searched', nodes: [], tags: { role: 'e' }, alive: ['a'], absent: [] },
    { title: 'every filter must pass', nodes: ['c'], tags: { role: 'web' }, alive: [], absent: [] },
  ])('$title', ({ nodes, tags, alive, absent }) => {
    expect(audience(nodes, tags)).toEqual({ alive: new Set(alive), absent });
  });

  it.each(['(', 'a{1000}', 'x'.repeat(PATTERN_LENGTH_LIMIT + 1)])(
    'cannot be told when an expression cannot be evaluated here: %.12s',
    (expr) => {
      expect(audience([], { role: expr })).toBeUndefined();
    },
  );
});
