import { describe, expect, it } from 'vitest';
import { purityViolations } from './purity.ts';
import { productSources, sourceOf } from './source.ts';

function violations(path: string, text: string): string[] {
  return purityViolations([sourceOf(path, text)]);
}

describe('the pure layers', () => {
  it('reach for no socket, file, clock, timer, promise, chance or console', () => {
    expect(purityViolations(productSources())).toEqual([]);
  });
});

describe('the rule of purity', () => {
  it.each([
    ['a socket', 'src/swim/a.ts', "import { createSocket } from 'node:dgram';", 'node:dgram'],
    ['a file', 'src/serf/a.ts', "import type { Stats } from 'node:fs';", 'node:fs'],
    ['a logger', 'src/events/a.ts', "import { pino } from 'pino';", 'pino'],
    ['a cipher outside wire', 'src/swim/a.ts', "import { createHash } from 'node:crypto';", 'node:crypto'],
    [
      'chance from a cipher module',
      'src/wire/a.ts',
      "import { randomBytes } from 'node:crypto';",
      'randomBytes',
    ],
    ['a socket in the simulator', 'src/sim/a.ts', "import 'node:net';", 'node:net'],
    ['a clock', 'src/base/a.ts', 'const now = Date.now();', 'Date'],
    ['a precise clock', 'src/base/a.ts', 'const now = performance.now();', 'performance'],
    ['a timer', 'src/swim/a.ts', 'setTimeout(f, 1);', 'setTimeout'],
    ['a timer through the global object', 'src/swim/a.ts', "globalThis['setTimeout'](f, 1);", 'globalThis'],
    ['chance', 'src/swim/a.ts', 'const x = Math.random();', 'Math.random'],
    ['an inexact logarithm', 'src/swim/a.ts', 'const x = Math.log(2);', 'base/math.ts'],
    ['a computed power', 'src/sim/a.ts', 'const x = 2 ** n;', 'base/math.ts'],
    ['the process', 'src/serf/a.ts', 'const x = process.env;', 'process'],
    ['the console', 'src/serf/a.ts', 'console.log(1);', 'console'],
    ['a promise', 'src/serf/a.ts', 'function f(): Promise<void> { return x; }', 'Promise'],
    ['a function that waits', 'src/serf/a.ts', 'async function f() {}', 'async'],
    ['a clock in the bus', 'src/events/bus.ts', 'const now = Date.now();', 'Date'],
  ])('catches %s', (_title, path, text, name) => {
    const found = violations(path, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
  });

  it.each([
    ['a cipher in wire', 'src/wire/a.ts', "import { createCipheriv } from 'node:crypto';"],
    ['waiting in the bus', 'src/events/bus.ts', 'async function f(): Promise<void> { await x; }'],
    ['a field called like something ambient', 'src/serf/a.ts', 'interface X { process: 1 } x.process();'],
    ['exact mathematics', 'src/swim/a.ts', 'const x = Math.sqrt(2) + Math.ceil(y) + 2 ** 31;'],
    ['impure layers', 'src/runtime/a.ts', 'setTimeout(f, Date.now());'],
  ])('allows %s', (_title, path, text) => {
    expect(violations(path, text)).toEqual([]);
  });
});
