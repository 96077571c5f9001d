import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import type { SwimStatus } from '../../../src/swim/delegate.ts';
import { judgeAlive } from '../../../src/swim/judge.ts';
import { BURIED_LIMIT, MemberTable } from '../../../src/swim/members.ts';

function table(names: Readonly<Record<string, SwimStatus>>, seed = 1): MemberTable {
  const members = new MemberTable(seededRandom(seed));
  for (const [name, status] of Object.entries(names)) {
    const record = members.insert({
      name,
      addr: Uint8Array.of(127, 0, 0, 1),
      port: 7946,
      meta: new Uint8Array(0),
      vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
      address: { ip: '127.0.0.1', port: 7946 },
    });
    members.setStatus(record, 'alive', 0);
    members.setStatus(record, status, 0);
  }
  return members;
}

describe('MemberTable', () => {
  it('counts every record, and the live ones apart', () => {
    const members = table({ me: 'alive', a: 'suspect', b: 'left', c: 'alive' });
    expect(members.size).toBe(4);
    expect(members.liveCount).toBe(3);
    members.setStatus(members.get('a')!, 'dead', 5);
    expect(members.liveCount).toBe(2);
    expect(members.get('a')!.since).toBe(5);
  });

  it('shows every record without an object of its own as it shows them one by one', () => {
    const members = table({ me: 'alive', a: 'suspect', b: 'left', c: 'dead' });
    members.get('a')!.incarnation = 7;
    const seen: unknown[] = [];
    members.each((facts, incarnation, status) => seen.push({ facts, incarnation, status }));
    expect(seen).toEqual(
      Array.from(members.values(), ({ facts, incarnation, status }) => ({ facts, incarnation, status })),
    );
  });

  it.each(['alive', 'suspect', 'dead', 'left'] as const)(
    'has heard what the judge finds stale of a member that is %s and lives, and nothing else',
    (status) => {
      const members = table({ x: status });
      const x = members.get('x')!;
      x.incarnation = 3;
      const { facts } = x;
      const judge = { name: 'me', leaving: false, reclaimMs: 0 };
      for (const incarnation of [1, 3, 4]) {
        const lives = status === 'alive' || status === 'suspect';
        expect(members.hasHeard(facts, incarnation)).toBe(lives && incarnation <= 3);
        if (!members.hasHeard(facts, incarnation)) continue;
        const verdict = judgeAlive({ facts, incarnation, bootstrap: false }, x, judge, 0);
        expect(verdict).toEqual({ type: 'ignore', why: 'stale' });
      }
      expect(members.hasHeard({ ...facts }, 1)).toBe(false);
      expect(members.hasHeard({ ...facts, name: 'y' }, 1)).toBe(false);
    },
  );

  it('visits every eligible member once per cycle', () => {
    const members = table({ me: 'alive', a: 'alive', b: 'alive', c: 'suspect', d: 'dead', e: 'left' });
    for (let cycle = 0; cycle < 5; cycle += 1) {
      const seen = [0, 1, 2].map(() => members.nextProbe('me', 1, 1000)?.facts.name);
      expect([...seen].sort()).toEqual(['a', 'b', 'c']);
    }
  });

  it('probes nobody when there is nobody', () => {
    expect(table({ me: 'alive' }).nextProbe('me', 0, 1000)).toBeUndefined();
    expect(table({ me: 'alive', a: 'left' }).nextProbe('me', 0, 1000)).toBeUndefined();
  });

  it('forgets the dead and the left only between cycles and only past their age', () => {
    const members = table({ me: 'alive', a: 'dead', b: 'left', c: 'alive' });
    const cycle = (now: number): void => {
      for (let i = 0; i < 6; i += 1) members.nextProbe('me', now, 1000);
    };
    cycle(1000);
    expect(members.size).toBe(4);
    cycle(1001);
    expect(members.size).toBe(2);
    expect(members.get('a')).toBeUndefined();
    expect(members.get('b')).toBeUndefined();
  });

  it('picks distinct accepted members, all of them when few are known', () => {
    const names = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`n${i}`, 'alive'] as const));
    const few = table(names);
    const accepted = few.pick(3, (member) => member.facts.name === 'n1' || member.facts.name === 'n5');
    expect(accepted.map((member) => member.facts.name).sort()).toEqual(['n1', 'n5']);
  });

  it('picks from a large table without repeating or returning the excluded, and differently each time', () => {
    const names = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`n${i}`, 'alive'] as const));
    const many = table(names);
    const rounds = Array.from({ length: 20 }, () => many.pick(3, (member) => member.facts.name !== 'n0'));
    for (const picked of rounds) {
      expect(new Set(picked).size).toBe(3);
      expect(picked.some((member) => member.facts.name === 'n0')).toBe(false);
    }
    expect(new Set(rounds.map((picked) => picked.map((m) => m.facts.name).join())).size).toBeGreaterThan(10);
  });

  it('finds the only eligible member of a large table every time', () => {
    const names = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`n${i}`, 'alive'] as const));
    const many = table(names);
    for (let i = 0; i < 50; i += 1) {
      const picked = many.pick(3, (member) => member.facts.name === 'n77');
      expect(picked.map((member) => member.facts.name)).toEqual(['n77']);
    }
  });

  it('a new member stands at a random place in the probe order', () => {
    const places = new Set<number>();
    for (let seed = 0; seed < 40; seed += 1) {
      const members = table({ a: 'alive', b: 'alive', c: 'alive', d: 'alive' }, seed);
      places.add([...members.values()].findIndex((member) => member.facts.name === 'd'));
    }
    expect([...places].sort()).toEqual([0, 1, 2, 3]);
  });
});

describe('a buried member', () => {
  const facts = (name: string) => ({ ...table({ x: 'dead' }).get('x')!.facts, name });
  const cycle = (members: MemberTable, now: number): void => {
    for (let i = 0; i < 2 * members.size + 2; i += 1) members.nextProbe('me', now, 1000);
  };

  it('is kept as left, with the highest incarnation known, for its own time and no longer', () => {
    const members = table({ me: 'alive', a: 'dead' });
    members.get('a')!.incarnation = 7;
    members.bury(0, facts('a'), 5, 60_000);
    members.bury(0, facts('unknown'), 3, 60_000);
    cycle(members, 60_000);
    expect(members.get('a')).toMatchObject({ status: 'left', incarnation: 7 });
    expect(members.get('unknown')).toMatchObject({ status: 'left', incarnation: 3 });
    cycle(members, 60_001);
    expect([members.get('a'), members.get('unknown')]).toEqual([undefined, undefined]);
  });

  it('was not alive: a live one stays as it is', () => {
    const members = table({ me: 'alive', a: 'suspect' });
    members.bury(0, facts('a'), 9, 60_000);
    expect(members.get('a')).toMatchObject({ status: 'suspect', incarnation: 0 });
  });

  it('that came back is forgotten like any other when it dies again', () => {
    const members = table({ me: 'alive', a: 'dead' });
    members.bury(0, facts('a'), 1, 60_000);
    members.setStatus(members.get('a')!, 'alive', 10);
    members.setStatus(members.get('a')!, 'dead', 20);
    cycle(members, 2_000);
    expect(members.get('a')).toBeUndefined();
  });

  it(`is one of at most ${BURIED_LIMIT}: the first one buried gives way`, () => {
    const members = table({ me: 'alive' });
    for (let i = 0; i <= BURIED_LIMIT; i += 1) members.bury(0, facts(`n${i}`), 1, 60_000);
    cycle(members, 2_000);
    expect(members.size).toBe(1 + BURIED_LIMIT);
    expect(members.get('n0')).toBeUndefined();
  });
});
