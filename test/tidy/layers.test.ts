import { describe, expect, it } from 'vitest';
import { ALLOWED, layerViolations } from './layers.ts';
import { productSources, sourceOf } from './source.ts';

function violations(path: string, text: string): string[] {
  return layerViolations([sourceOf(path, text)]);
}

describe('the import graph', () => {
  it('has no import that points upward or sideways', () => {
    expect(layerViolations(productSources())).toEqual([]);
  });

  it('is written down without a cycle', () => {
    const above = (layer: string, seen: readonly string[]): readonly string[] => {
      const below: readonly string[] = ALLOWED[layer as keyof typeof ALLOWED];
      return below.flatMap((next) => (seen.includes(next) ? [next] : above(next, [...seen, next])));
    };
    for (const layer of Object.keys(ALLOWED)) expect(above(layer, [layer])).toEqual([]);
  });
});

describe('the rule of the import graph', () => {
  it.each([
    ['an upward import', 'src/wire/a.ts', "import { x } from '../swim/x.ts';", 'wire may not import swim'],
    ['an upward type', 'src/swim/a.ts', "import type { X } from '../serf/x.ts';", 'swim may not import serf'],
    ['a type in place', 'src/swim/a.ts', "type X = import('../serf/x.ts').X;", 'swim may not import serf'],
    ['a re-export', 'src/base/a.ts', "export { x } from '../wire/x.ts';", 'base may not import wire'],
    ['a lazy import', 'src/base/a.ts', "await import('../wire/x.ts');", 'base may not import wire'],
    [
      'a sideways import',
      'src/handlers/a.ts',
      "import '../runtime/x.ts';",
      'handlers may not import runtime',
    ],
    ['a simulator that is impure', 'src/sim/a.ts', "import '../runtime/x.ts';", 'sim may not import runtime'],
    [
      'a command that meets the agent',
      'src/cli/commands/join.ts',
      "import '../../agent/a.ts';",
      'cli may not import agent',
    ],
    [
      'a command that meets the server',
      'src/cli/a.ts',
      "import '../rpc/server.ts';",
      'not src/rpc/server.ts',
    ],
    [
      'a command that loads the simulator at once',
      'src/cli/a.ts',
      "import '../sim/x.ts';",
      'cli may not import sim',
    ],
    [
      'a pure part that waits',
      'src/serf/a.ts',
      "import '../events/bus.ts';",
      'may not import src/events/bus.ts',
    ],
    ['an unknown layer', 'src/misc/a.ts', '', 'lies in no known layer'],
    ['an import of an unknown layer', 'src/base/a.ts', "import '../misc/x.ts';", 'lies in no known layer'],
    ['an import without its .ts', 'src/wire/a.ts', "import '../base/x.js';", 'is not named with its .ts'],
  ])('catches %s', (_title, path, text, complaint) => {
    const found = violations(path, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(complaint);
  });

  it.each([
    ['a downward import', 'src/serf/a.ts', "import { x } from '../swim/x.ts';"],
    ['an import within a layer', 'src/rpc/commands/a.ts', "import { x } from '../x.ts';"],
    ['a package', 'src/rpc/a.ts', "import { pack } from 'msgpackr/pack';"],
    ['the run command', 'src/cli/commands/run.ts', "const { x } = await import('../../agent/agent.ts');"],
    ['a lazy simulator', 'src/cli/commands/sim.ts', "await import('../../sim/world.ts');"],
    ['the bus and its subscription', 'src/events/bus.ts', "import { x } from './subscription.ts';"],
  ])('allows %s', (_title, path, text) => {
    expect(violations(path, text)).toEqual([]);
  });
});
