import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '../..');
/** A build may be due first. */
const PACK_MS = 120_000;

let folder: string;
let installed: string;

/** Unpacked where `npm install` would put it, with the dependencies it names and no others. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-package-'));
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale'], { stdio: 'pipe' });
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  execFileSync('npm', pack, { cwd: ROOT, stdio: 'pipe' });
  const [tarball] = readdirSync(folder);
  const dependencies = join(folder, 'node_modules');
  installed = join(dependencies, packageJson.name);
  execFileSync('mkdir', ['-p', installed]);
  execFileSync('tar', ['-xzf', join(folder, `${tarball}`), '-C', installed, '--strip-components=1']);
  for (const name of runtimePackages()) {
    execFileSync('mkdir', ['-p', join(dependencies, name, '..')]);
    execFileSync('cp', ['-r', join(ROOT, 'node_modules', name), join(dependencies, name)]);
  }
}, PACK_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the lockfile installs without development. */
function runtimePackages(): string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional && !entry.optional)
    .map(([path]) => path.slice('node_modules/'.length));
}

function node(args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
}

describe('a checkout', () => {
  it('has its commands where npx finds them, also after an npx that came too early', () => {
    const copy = join(folder, 'checkout');
    const npx = () => {
      // The test's own npm has put this checkout's commands on the PATH.
      const path = (process.env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'));
      const env = { ...process.env, PATH: path.join(':'), npm_config_cache: join(folder, 'npm-cache') };
      return spawnSync('npx', ['--offline', 'agent', 'version'], { cwd: copy, env, encoding: 'utf8' });
    };
    mkdirSync(copy);
    writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...packageJson, dependencies: {} }));
    expect(npx().status).toBe(127);
    for (const name of ['scripts', 'dist']) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    const script = `import { linkCommands } from '${join(copy, 'scripts/lib/project.mjs')}'; linkCommands(); linkCommands();`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script]);
    cpSync(join(ROOT, 'node_modules/pino'), join(copy, 'node_modules/pino'), { recursive: true });
    expect(npx().stdout).toMatch(/^reeve v\d/);
  });
});

describe('the packed package', () => {
  it('runs as a command', () => {
    const command = join(installed, packageJson.bin.agent);
    expect(execFileSync(command, ['version'], { encoding: 'utf8' })).toMatch(/^reeve v\d/);
    expect(node([command, 'run', '-h'])).toMatch(/^Usage: agent run/);
  });

  it('brings a unit whose commands it takes, found wherever npm puts it', () => {
    const conf = join(folder, 'unit');
    mkdirSync(conf);
    const unit = readFileSync(join(installed, 'packaging/reeve.service'), 'utf8');
    const commands = [...unit.matchAll(/^Exec\w+=(.*)$/gm)].map(([, line]) => `${line}`);
    expect(commands.map((line) => line.split(' ')[0])).toEqual(['agent', 'agent', 'kill']);
    for (const line of commands.filter((each) => each.startsWith('agent '))) {
      const words = line.replace(/^agent (run|config check) /, '').split(' ');
      const args = words.map((word) => word.replace('/etc/reeve', conf).replace('%S', folder));
      const checked = node([join(installed, packageJson.bin.agent), 'config', 'check', ...args]);
      expect(checked).toMatch(/^ok: an agent would start/);
    }
    expect(unit).toMatch(/^Type=notify$/m);
    expect(unit).toMatch(/^NotifyAccess=all$/m);
  });

  it('brings its recipes, and they do what they say there', () => {
    const command = join(installed, packageJson.bin.agent);
    const conf = join(folder, 'conf');
    expect(node([command, 'recipe', 'test', 'hosts', 'ssh', `-config-dir=${conf}`])).toContain(
      '2 tested, all good.',
    );
    node([command, 'recipe', 'add', 'nginx', `-config-dir=${conf}`, `-target=${join(folder, 'upstream')}`]);
    expect(readdirSync(conf).sort()).toEqual(['nginx.json', 'nginx.liquid', 'nginx.recipe', 'nginx.sh']);
    expect(statSync(join(conf, 'nginx.sh')).mode & 0o111).toBe(0o111);
  });

  it('loads few and small files for a command, whatever other commands there are', () => {
    const chunks = join(installed, 'dist/chunks');
    const lazy = (name: string) => readdirSync(chunks).filter((file) => file.startsWith(`${name}-`));
    const loaded = new Set<string>();
    const load = (path: string): void => {
      if (loaded.has(path)) return;
      loaded.add(path);
      const text = readFileSync(path, 'utf8');
      for (const [, next] of text.matchAll(/(?:from|import)"(\.[^"]+)"/g)) load(join(path, '..', `${next}`));
    };
    load(join(installed, packageJson.bin.agent));
    for (const name of ['members', 'client']) {
      const [found, ...more] = lazy(name).filter((file) => !file.startsWith(`${name}-watch`));
      expect([found !== undefined, more]).toEqual([true, []]);
      load(join(chunks, `${found}`));
    }
    const bytes = [...loaded].reduce((sum, path) => sum + readFileSync(path).length, 0);
    expect(loaded.size).toBeLessThanOrEqual(6);
    expect(bytes).toBeLessThan(200_000);
  });

  it('is a library: a node starts and stops', () => {
    writeFileSync(
      join(folder, 'use.mjs'),
      `import { Cluster } from 'reeve';
       const node = await Cluster.start({ nodeName: 'n', bind: { ip: '127.50.8.1' }, profile: 'local' });
       console.log(node.members().map(({ name, status }) => name + ' ' + status).join());
       await node.shutdown();`,
    );
    expect(node(['use.mjs'])).toBe('n alive\n');
  });

  it('shows an error that nobody catches, and not its whole text', () => {
    const code = "import { Cluster } from 'reeve'; await Cluster.start();";
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('options must be an object')]);
    expect(stderr.length).toBeLessThan(4_000);
  });

  it('brings types that stand without its sources', () => {
    writeFileSync(
      join(folder, 'use.mts'),
      `import { Cluster, CodedError, RpcClient, type ClusterEvent } from 'reeve';
       export const started: Promise<Cluster> = Cluster.start({ nodeName: 'n', bind: { ip: '127.50.8.2' } });
       export const connected: Promise<RpcClient> = RpcClient.connect({ address: { host: 'h', port: 1 } });
       export const nameOf = (event: ClusterEvent): string => event.type;
       export const coded = (error: unknown): boolean => error instanceof CodedError;\n`,
    );
    const types = join(ROOT, 'node_modules/@types');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'];
    const lib = ['--lib', 'es2023,esnext.disposable', '--typeRoots', types, '--types', 'node'];
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const checked = spawnSync(process.execPath, [compiler, ...options, ...lib, 'use.mts'], { cwd: folder });
    expect(String(checked.stdout)).toBe('');
  });

  it('holds the licences of what is bundled, and no source map', () => {
    const notices = readFileSync(join(installed, 'dist/LICENSES.txt'), 'utf8');
    for (const name of ['msgpackr', 're2js']) expect(notices).toContain(`\n${name} `);
    const files = readdirSync(join(installed, 'dist'), { recursive: true }).map(String);
    expect(files.filter((name) => name.endsWith('.map'))).toEqual([]);
    expect(existsSync(join(installed, 'src'))).toBe(false);
  });
});
