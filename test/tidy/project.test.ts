import { describe, expect, it } from 'vitest';
import { pathsBelow, textOf } from './source.ts';

/** The suites that vitest.config.ts runs. */
const SUITES = ['unit', 'property', 'vectors', 'sim', 'contract', 'tidy', 'interop', 'e2e', 'fuzz'];

/** What names a place to download from: a lockfile must install from wherever npm is told to. */
function downloadHosts(lockfile: string): string[] {
  return [...lockfile.matchAll(/"resolved"|https?:\/\/[^"]*\.tgz/g)].map(([match]) => match);
}

describe('the lockfile', () => {
  it('names no registry', () => {
    expect(downloadHosts(textOf('package-lock.json'))).toEqual([]);
    expect(textOf('.npmrc')).not.toMatch(/registry\s*=/);
  });

  it('would be caught naming one', () => {
    expect(downloadHosts('{"resolved": "x"}')).toHaveLength(1);
  });
});

describe('test files', () => {
  it('each lie in a suite that is run', () => {
    const stray = pathsBelow('test', '.test.ts').filter((path) => !SUITES.includes(path.split('/')[1] ?? ''));
    expect(stray).toEqual([]);
    const config = textOf('vitest.config.ts');
    for (const suite of SUITES) expect(config).toContain(`'${suite}'`);
  });

  it('against the real serf are called so', () => {
    const misnamed = pathsBelow('test/interop', '.test.ts').filter(
      (path) => !path.endsWith('.interop.test.ts'),
    );
    expect(misnamed).toEqual([]);
  });
});

describe('the readme', () => {
  it('names commands that exist', () => {
    const scripts: Record<string, string> = JSON.parse(textOf('package.json')).scripts;
    const named = [...textOf('README.md').matchAll(/\bnpm (?:run )?(start|test|[a-z:-]+)\b/g)].map(
      ([, name]) => name,
    );
    const builtIn = ['ci', 'install', 'link', 'install-link', 'pack'];
    expect(
      named.filter((name) => name !== undefined && !builtIn.includes(name) && !(name in scripts)),
    ).toEqual([]);
    expect(named).toContain('start');
    expect(named).toContain('test');
  });
});
