import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Beliefs } from '../../../../src/sim/rehearsal/beliefs.ts';

const SIZE = 5;
const silent = { agreed: () => undefined, spread: () => undefined };

/** What the sums must be, counted anew. */
function counted(beliefs: Beliefs) {
  const nodes = Array.from({ length: SIZE }, (_, node) => node);
  const running = nodes.filter((node) => beliefs.isRunning(node));
  return {
    runningCount: running.length,
    known: nodes.map((node) => nodes.filter((member) => beliefs.believes(node, member)).length),
    believers: nodes.map((member) => running.filter((node) => beliefs.believes(node, member)).length),
    isAgreed: running.every((node) =>
      nodes.every((member) => beliefs.believes(node, member) === beliefs.isRunning(member)),
    ),
  };
}

describe('Beliefs', () => {
  it('sums are what counting every pair gives, after any sequence of starts, stops and changes of mind', () => {
    const step = fc.tuple(fc.nat(3), fc.nat(SIZE - 1), fc.nat(SIZE - 1), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let told = true;
        const beliefs: Beliefs = new Beliefs(SIZE, {
          ...silent,
          agreed: () => {
            told = true;
          },
        });
        for (const [kind, node, member, alive] of steps) {
          const before = beliefs.isAgreed;
          told = before;
          if (kind === 0) beliefs.start(node);
          else if (kind === 1) beliefs.stop(node);
          else beliefs.set(node, member, alive);
          const found = counted(beliefs);
          expect(beliefs.runningCount).toBe(found.runningCount);
          expect(beliefs.isAgreed).toBe(found.isAgreed);
          expect(Array.from({ length: SIZE }, (_, i) => beliefs.known(i))).toEqual(found.known);
          expect(Array.from({ length: SIZE }, (_, i) => beliefs.believers(i))).toEqual(found.believers);
          if (found.isAgreed) expect(told).toBe(true);
        }
      }),
    );
  });
});
