import { afterAll, expect, it } from 'vitest';
import { describeWithSerf } from '../support/interop.ts';
import { describeCommandLines, expectSameFailure } from './cli-suite.ts';
import { reeveCli, serfCli, startSerf, stopAll } from './helpers.ts';

afterAll(stopAll);

describeWithSerf("our command line and Serf's against a real agent", () => {
  describeCommandLines({ start: startSerf, net: '127.81' });
});

describeWithSerf('words that need no agent', () => {
  it('have the same exit codes', async () => {
    for (const args of [
      [],
      ['-h'],
      ['bogus'],
      ['members', '-h'],
      ['version'],
      ['event', 'x', '-v'],
      ['keygen'],
    ]) {
      const [theirs, ours] = await Promise.all([serfCli(args), reeveCli(args)]);
      expect({ args, code: ours.code }).toEqual({ args, code: theirs.code });
    }
  });

  it.each([
    [['event']],
    [['event', 'a', 'b', 'c']],
    [['event', '-bogus']],
    [['query']],
    [['query', 'a', 'b', 'c']],
    [['query', '-relay-factor=300', 'x']],
    [['query', '-relay-factor', 'x', 'y']],
    [['query', '-timeout=5', 'x']],
    [['query', '-tag=x', 'x']],
    [['join']],
    [['force-leave']],
    [['force-leave', 'a', 'b']],
    [['members', '-format']],
    [['members', '-detailed=maybe']],
    [['members', '-tag=foo']],
    [['members', '---x']],
    [['keys', '-list', '-use=x']],
  ])('%j fails with the same words', async (args) => {
    const [theirs, ours] = await Promise.all([serfCli(args), reeveCli(args)]);
    expectSameFailure(ours, theirs);
  });
});
