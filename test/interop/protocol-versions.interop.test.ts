import { afterAll, expect, it } from 'vitest';
import { stopAll, waitFor } from './helpers.ts';
import { describeMixed, memberOf, startNode, succeed, waitForAll } from './mixed.ts';

afterAll(stopAll);

const FIRST_GROUP = 80;
/** Queries, and with them reachability, exist from this version on. */
const QUERIES_FROM = 4;
/** Before this version only the role is told to others. */
const TAGS_FROM = 3;

describeMixed('every protocol version beside every other', (real) => {
  const pairs = [2, 3, 4, 5].flatMap((theirs) => [2, 5].map((ours) => ({ theirs, ours })));
  it.concurrent.each([...pairs, { theirs: 3, ours: 3 }, { theirs: 4, ours: 4 }])(
    'serf -protocol=$theirs and ours -protocol=$ours',
    async ({ theirs, ours }) => {
      const group = FIRST_GROUP + theirs;
      const flags = (protocol: number): string[] => [
        `-protocol=${protocol}`,
        '-tag=role=web',
        '-tag=zone=eu',
      ];
      const s = await startNode(real, 'serf', {
        name: 's',
        ip: real.ip(group, 2 * ours),
        args: flags(theirs),
      });
      const r = await startNode(real, 'reeve', {
        name: 'r',
        ip: real.ip(group, 2 * ours + 1),
        args: [...flags(ours), `-join=${s.ip}`],
      });
      await waitForAll([s, r], ['s', 'r'], 'alive');
      for (const observer of [s, r])
        for (const [name, protocol] of [
          ['s', theirs],
          ['r', ours],
        ] as const) {
          const tags = protocol < TAGS_FROM ? { role: 'web' } : { role: 'web', zone: 'eu' };
          expect((await memberOf(observer, name)).tags, `${name} at ${observer.name}`).toEqual(tags);
        }
      for (const sender of [s, r]) {
        await succeed(sender, 'event', '-coalesce=false', `from-${sender.name}`, 'x');
        for (const node of [s, r])
          await waitFor(`${node.name} to hear ${sender.name}`, () =>
            node.seen.payloads(`from-${sender.name}`).includes('x'),
          );
      }
      for (const [node, protocol] of [
        [s, theirs],
        [r, ours],
      ] as const) {
        const asked = await node.cli(['reachability']);
        const said = `${asked.stdout}${asked.stderr}`;
        if (protocol < QUERIES_FROM) expect(said).toContain('Feature not supported');
        else expect(said).toContain('Successfully contacted all live nodes');
      }
      expect(await r.stop()).toBe(0);
      await waitForAll([s], ['r'], 'left');
    },
  );
});
