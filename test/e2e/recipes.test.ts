import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reeveCli, startReeve, startSerf, stopAll, waitFor } from '../interop/helpers.ts';
import { describeWithSerf } from '../support/interop.ts';

/** Recipes from nothing to files that follow a real cluster, as an operator would install them. */

let folder = '';
const at = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(at(name), 'utf8');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-recipes-'));
});

afterEach(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `agent recipe …` and returns the command that it says is next. */
async function recipe(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await reeveCli(['recipe', ...words, '-config-dir', at('conf'), '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout) as { next: string }).next;
}

const shows = (name: string, content: string): Promise<unknown> =>
  waitFor(`${name} to be as it should`, () => text(name) === content, 30_000).catch((error: unknown) => {
    throw new Error(`${name} is:\n${text(name)}`, { cause: error });
  });

describeWithSerf('recipes beside a real serf', () => {
  it('hosts keeps who failed and ssh is added while the agent runs; a balancer drops who failed; removing undoes it', async () => {
    writeFileSync(at('hosts'), '127.0.0.1\tlocalhost\n');
    const start = await recipe('add', 'hosts', '-target', at('hosts'));
    expect(start).toBe(`agent run -config-dir=${at('conf')}`);
    const ours = await startReeve({ name: 'me', ip: '127.85.1.1', args: [`-config-dir=${at('conf')}`] });
    const args = ['-join=127.85.1.1', '-tag', 'role=web'];
    const serf = await startSerf({ name: 'web1', ip: '127.85.1.2', args });
    const block = '# BEGIN reeve hosts\n127.85.1.1\tme\n127.85.1.2\tweb1\n# END reeve hosts\n';
    await shows('hosts', `127.0.0.1\tlocalhost\n${block}`);

    // The agent of this directory is found and named: what it prints can be run as it stands.
    await recipe('add', 'ssh', '-target', at('ssh.conf'), '-set', 'check=true');
    const reload = await recipe('add', 'nginx', '-target', at('upstream'), '-set', 'reload=true');
    expect(reload).toBe(`kill -HUP ${ours.pid}`);
    writeFileSync(at('conf/nginx.sh'), '#!/bin/sh\n');
    execFileSync('/bin/sh', ['-c', reload]);
    await waitFor('the upstream', () => text('upstream').includes('127.85.1.2:80'), 30_000);
    const entry = 'Host web1\n    HostName 127.85.1.2\n';
    await waitFor('the entry of ssh', () => text('ssh.conf').includes(entry), 30_000);

    // Guards of a balancer would hold the last server: here they are taken out, as an operator may.
    const edited = JSON.parse(text('conf/nginx.json')) as { renderers: { nginx: Record<string, unknown> } };
    edited.renderers.nginx['guards'] = { allow_empty: true };
    writeFileSync(at('conf/nginx.json'), JSON.stringify(edited));
    const told = ours.logs().length;
    execFileSync('/bin/sh', ['-c', reload]);
    await waitFor('the reload', () => ours.logs().slice(told).includes('(reload'), 30_000);
    serf.kill('SIGKILL');
    await waitFor('the failed server to go', () => text('upstream').includes('127.0.0.1:9 down'), 40_000);
    expect(text('hosts')).toContain(block);

    expect(await recipe('remove', '-clean', 'hosts')).toBe(reload);
    execFileSync('/bin/sh', ['-c', reload]);
    await shows('hosts', '127.0.0.1\tlocalhost\n');
  });
});
