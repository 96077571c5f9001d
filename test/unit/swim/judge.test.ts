import { describe, expect, it } from 'vitest';
import type { MemberFacts, SwimMember, SwimStatus } from '../../../src/swim/delegate.ts';
import { type Judge, judgeAlive, judgeDead, judgeSuspect } from '../../../src/swim/judge.ts';

const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const me: Judge = { name: 'me', leaving: false, reclaimMs: 0 };

function facts(name: string, options: { port?: number; meta?: string; vsn?: Uint8Array } = {}): MemberFacts {
  const port = options.port ?? 7946;
  return {
    name,
    addr: Uint8Array.of(10, 0, 0, 1),
    port,
    meta: Buffer.from(options.meta ?? ''),
    vsn: options.vsn ?? VSN,
    address: { ip: '10.0.0.1', port },
  };
}

function known(name: string, status: SwimStatus, incarnation: number, since = 0): SwimMember {
  return { facts: facts(name), status, incarnation, since };
}

function alive(
  name: string,
  incarnation: number,
  options: Parameters<typeof facts>[1] & { bootstrap?: boolean } = {},
) {
  return { facts: facts(name, options), incarnation, bootstrap: options.bootstrap ?? false };
}

describe('judgeAlive', () => {
  it.each([
    ['an unknown name with an incarnation is adopted', alive('b', 1), undefined, me, 'adopt'],
    ['an unknown name at incarnation 0 is stale', alive('b', 0), undefined, me, 'ignore'],
    ['an equal incarnation never overrides', alive('b', 2), known('b', 'suspect', 2), me, 'ignore'],
    ['a lower incarnation is stale', alive('b', 1), known('b', 'alive', 2), me, 'ignore'],
    ['a higher incarnation clears a suspicion', alive('b', 3), known('b', 'suspect', 2), me, 'adopt'],
    ['a higher incarnation revives the dead', alive('b', 3), known('b', 'dead', 2), me, 'adopt'],
    [
      'a replay at equal incarnation leaves the dead dead',
      alive('b', 2),
      known('b', 'dead', 2),
      me,
      'ignore',
    ],
    [
      'another address of a living name is a conflict',
      alive('b', 9, { port: 1 }),
      known('b', 'alive', 2),
      me,
      'conflict',
    ],
    [
      'another address of a suspect is a conflict',
      alive('b', 9, { port: 1 }),
      known('b', 'suspect', 2),
      me,
      'conflict',
    ],
    [
      'another address of a dead name is a conflict while reclaim is off',
      alive('b', 9, { port: 1 }),
      known('b', 'dead', 2),
      me,
      'conflict',
    ],
    [
      'a left name may move, even to a lower incarnation',
      alive('b', 1, { port: 1 }),
      known('b', 'left', 20),
      me,
      'adopt',
    ],
    [
      'a name dead for long enough may move',
      alive('b', 1, { port: 1 }),
      known('b', 'dead', 5),
      { ...me, reclaimMs: 10 },
      'adopt',
    ],
    [
      'a name dead for exactly the reclaim time may not',
      alive('b', 9, { port: 1 }),
      known('b', 'dead', 5, 90),
      { ...me, reclaimMs: 10 },
      'conflict',
    ],
    ['our own echo is ignored', alive('me', 4), known('me', 'alive', 4), me, 'ignore'],
    ['our own past is ignored', alive('me', 3, { meta: 'x' }), known('me', 'alive', 4), me, 'ignore'],
    [
      'other metadata about us is refuted',
      alive('me', 4, { meta: 'x' }),
      known('me', 'alive', 4),
      me,
      'refute',
    ],
    [
      'other versions about us are refuted',
      alive('me', 4, { vsn: Uint8Array.of(1, 5, 2, 0, 0, 0) }),
      known('me', 'alive', 4),
      me,
      'refute',
    ],
    ['a future of ours is refuted', alive('me', 9), known('me', 'alive', 4), me, 'refute'],
    [
      'our own announcement is believed',
      alive('me', 5, { meta: 'x', bootstrap: true }),
      known('me', 'alive', 4),
      me,
      'adopt',
    ],
    [
      'our name at another address is a conflict, not a refutation',
      alive('me', 9, { port: 1 }),
      known('me', 'alive', 4),
      me,
      'conflict',
    ],
    [
      'while leaving nothing about us matters',
      alive('me', 9),
      known('me', 'left', 4),
      { ...me, leaving: true },
      'ignore',
    ],
  ] as const)('%s', (_rule, claim, member, judge, type) => {
    expect(judgeAlive(claim, member, judge, 100).type).toBe(type);
  });

  it('refutes above what was claimed', () => {
    expect(judgeAlive(alive('me', 9), known('me', 'alive', 4), me, 0)).toEqual({ type: 'refute', above: 9 });
  });
});

describe('judgeSuspect', () => {
  it.each([
    ['an unknown name is ignored', 'b', 1, undefined, false, me, 'ignore'],
    ['an older incarnation is stale', 'b', 1, known('b', 'alive', 2), false, me, 'ignore'],
    ['an equal incarnation is adopted', 'b', 2, known('b', 'alive', 2), false, me, 'adopt'],
    ['a running suspicion is confirmed', 'b', 2, known('b', 'suspect', 2), true, me, 'confirm'],
    ['the dead cannot be suspected', 'b', 2, known('b', 'dead', 2), false, me, 'ignore'],
    ['a suspicion about us is refuted', 'me', 7, known('me', 'alive', 2), false, me, 'refute'],
    [
      'having left we stay silent',
      'me',
      7,
      known('me', 'left', 2),
      false,
      { ...me, leaving: true },
      'ignore',
    ],
  ] as const)('%s', (_rule, name, incarnation, member, suspected, judge, type) => {
    expect(judgeSuspect({ name, incarnation, from: 'c' }, member, judge, suspected).type).toBe(type);
  });
});

describe('judgeDead', () => {
  it.each([
    [
      'an unknown name is ignored',
      { name: 'b', incarnation: 1, from: 'c' },
      undefined,
      me,
      'ignore',
      undefined,
    ],
    [
      'an older incarnation is stale',
      { name: 'b', incarnation: 1, from: 'c' },
      known('b', 'alive', 2),
      me,
      'ignore',
      undefined,
    ],
    [
      'somebody else declares death',
      { name: 'b', incarnation: 2, from: 'c' },
      known('b', 'suspect', 2),
      me,
      'adopt',
      'dead',
    ],
    [
      'the member itself declares that it left',
      { name: 'b', incarnation: 2, from: 'b' },
      known('b', 'alive', 2),
      me,
      'adopt',
      'left',
    ],
    [
      'dead does not become left',
      { name: 'b', incarnation: 9, from: 'b' },
      known('b', 'dead', 2),
      me,
      'ignore',
      undefined,
    ],
    [
      'left does not become dead',
      { name: 'b', incarnation: 9, from: 'c' },
      known('b', 'left', 2),
      me,
      'ignore',
      undefined,
    ],
    [
      'our death is refuted',
      { name: 'me', incarnation: 20, from: 'me' },
      known('me', 'alive', 2),
      me,
      'refute',
      undefined,
    ],
    [
      'leaving, our own word counts',
      { name: 'me', incarnation: 2, from: 'me' },
      known('me', 'alive', 2),
      { ...me, leaving: true },
      'adopt',
      'left',
    ],
  ] as const)('%s', (_rule, claim, member, judge, type, status) => {
    const verdict = judgeDead(claim, member, judge);
    expect(verdict.type).toBe(type);
    if (verdict.type === 'adopt') expect(verdict.status).toBe(status);
  });
});
