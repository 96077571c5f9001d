import { expect, it } from 'vitest';
import { joinAdvice } from '../../../src/rpc/join-advice.ts';

it('every cause of a failed join has its next step, once however many addresses failed, whatever the case', () => {
  const refused = 'dial tcp 10.0.0.1:7946: connect: Connection refused';
  expect(joinAdvice(`2 errors occurred:\n\t* ${refused}\n\t* ${refused}\n`)).toEqual([
    expect.stringMatching(/^Nothing listens on that port: /),
  ]);
  expect(joinAdvice(`${refused}; dial tcp 10.0.0.2:7946: i/o timeout`)).toHaveLength(2);
  expect(joinAdvice('not you')).toEqual([]);
});
