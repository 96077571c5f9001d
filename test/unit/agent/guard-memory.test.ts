import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuardMemory } from '../../../src/agent/guard-memory.ts';

let folder = '';
let now = 0;
let warnings: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'guards-'));
  now = 1_000_000;
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const store = (stateDir = folder): GuardMemory =>
  new GuardMemory({
    stateDir: () => stateDir,
    kind: 'renderer',
    date: () => new Date(now),
    warn: (text) => warnings.push(text),
  });

describe('the memory of guards', () => {
  it('is there for the next run, with everything as much older as the time between', () => {
    store().keep('lb', { applied: ['a', 'b'], seen: [['a', 5]], agoMs: 0 });
    now += 1_000;
    expect(store().recall('lb')).toEqual({ applied: ['a', 'b'], seen: [['a', 1_005]], agoMs: 1_000 });
    const path = join(folder, 'guards/renderer-lb.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'guards'))).toEqual(['renderer-lb.json']);
  });

  it('grows no younger when the clock is set back', () => {
    store().keep('lb', { applied: ['a'], seen: [['a', 5]], agoMs: 0 });
    now -= 500_000;
    expect(store().recall('lb')).toEqual({ applied: ['a'], seen: [['a', 5]], agoMs: 0 });
  });

  it('is nothing without a state directory, before the first success, and where nothing was kept', () => {
    store('').keep('lb', { applied: ['a'], seen: [], agoMs: 0 });
    store().keep('lb', undefined);
    expect([store('').recall('lb'), store().recall('lb'), warnings]).toEqual([undefined, undefined, []]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('keeps names of any spelling apart, in files of this directory', () => {
    store().keep('../x', { applied: ['a'], seen: [], agoMs: 0 });
    expect(readdirSync(join(folder, 'guards'))).toEqual(['renderer-..%2Fx.json']);
    expect(store().recall('../x')?.applied).toEqual(['a']);
  });

  it.each(['', 'null', '[]', '{"at":"x"}', '{"at":1,"applied":[1],"seen":'])(
    'begins anew with a file that is %j, and says so',
    (text) => {
      store().keep('lb', { applied: ['a'], seen: [], agoMs: 0 });
      writeFileSync(join(folder, 'guards/renderer-lb.json'), text);
      expect(store().recall('lb')).toBeUndefined();
      expect(warnings[0]).toContain('guards begin without what the run before saw');
    },
  );

  it('leaves out what is no name', () => {
    store().keep('lb', { applied: ['a'], seen: [], agoMs: 0 });
    writeFileSync(
      join(folder, 'guards/renderer-lb.json'),
      '{"at":0,"applied":["a",1],"seen":[["a"],["b",2],3]}',
    );
    expect(store().recall('lb')).toMatchObject({ applied: ['a'], seen: [['b', now + 2]] });
  });

  it('that cannot be written is told once', () => {
    writeFileSync(join(folder, 'file'), '');
    const broken = store(join(folder, 'file'));
    broken.keep('lb', { applied: [], seen: [], agoMs: 0 });
    broken.keep('lb', { applied: [], seen: [], agoMs: 0 });
    expect(warnings.length).toBe(1);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('');
  });
});
