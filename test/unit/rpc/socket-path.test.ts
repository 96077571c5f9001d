import { chmodSync, lchownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultSocketPath, prepareSocketDirectory, socketCandidates } from '../../../src/rpc/socket-path.ts';

const uid = process.getuid?.() ?? -1;
const owner = { rpcAddress: '127.0.0.1:7373', env: {}, uid: 1234 };

let directory = '';
let servers: Server[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-sock-'));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true });
});

async function socketAt(path: string): Promise<string> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

describe('the default socket of an agent', () => {
  it.each([
    [
      'in its state directory',
      { ...owner, stateDir: '/var/lib/x', env: { RUNTIME_DIRECTORY: '/run/x' } },
      '/var/lib/x/rpc.sock',
    ],
    [
      'in the first runtime directory of systemd',
      { ...owner, env: { RUNTIME_DIRECTORY: '/run/x:/run/y' } },
      '/run/x/rpc.sock',
    ],
    [
      'in the runtime directory of the user',
      { ...owner, env: { XDG_RUNTIME_DIR: '/run/user/1' } },
      '/run/user/1/reeve-127.0.0.1-7373.sock',
    ],
    ['in a directory of the user under /tmp', owner, '/tmp/reeve-1234/reeve-127.0.0.1-7373.sock'],
    [
      'not in a relative runtime directory',
      { ...owner, env: { XDG_RUNTIME_DIR: 'x' } },
      '/tmp/reeve-1234/reeve-127.0.0.1-7373.sock',
    ],
    [
      'named after an IPv6 address',
      { ...owner, rpcAddress: '[::1]:99' },
      '/tmp/reeve-1234/reeve-__1-99.sock',
    ],
    ['named without slashes', { ...owner, rpcAddress: '../../x:1' }, '/tmp/reeve-1234/reeve-....x-1.sock'],
  ])('is %s', (_where, facts, expected) => {
    expect(defaultSocketPath(facts)).toBe(expected);
  });
});

describe('the directory of a socket', () => {
  it('is made for its owner alone', () => {
    prepareSocketDirectory(join(directory, 'd', 's.sock'), uid);
    expect(statSync(join(directory, 'd')).mode & 0o777).toBe(0o700);
  });

  it('that others may write to is refused', () => {
    mkdirSync(join(directory, 'd'));
    chmodSync(join(directory, 'd'), 0o777);
    expect(() => prepareSocketDirectory(join(directory, 'd', 's.sock'), uid)).toThrow(
      'no other user can write to',
    );
  });

  it('may be reached by a link of its own user or of root, as with DynamicUser', async () => {
    mkdirSync(join(directory, 'private'), { mode: 0o700 });
    symlinkSync('private', join(directory, 'link'));
    const path = join(directory, 'link', 'reeve-127.0.0.1-7373.sock');
    prepareSocketDirectory(path, uid);
    await socketAt(path);
    expect(socketCandidates({ XDG_RUNTIME_DIR: join(directory, 'link') }, uid)).toContain(path);
    chmodSync(join(directory, 'private'), 0o777);
    expect(() => prepareSocketDirectory(path, uid)).toThrow('no other user can write to');
  });

  it.runIf(uid === 0)('may not be reached by a link of another user', () => {
    mkdirSync(join(directory, 'd'), { mode: 0o700 });
    symlinkSync('d', join(directory, 'link'));
    lchownSync(join(directory, 'link'), 4711, 4711);
    expect(() => prepareSocketDirectory(join(directory, 'link', 's.sock'), uid)).toThrow(
      'must be a directory',
    );
  });

  it('of another user is refused', () => {
    expect(() => prepareSocketDirectory(join(directory, 's.sock'), uid + 1)).toThrow('must be a directory');
  });
});

describe('a client without an address', () => {
  it('finds the socket of an agent of its user', async () => {
    const path = await socketAt(join(directory, 'reeve-127.0.0.1-7373.sock'));
    expect(socketCandidates({ XDG_RUNTIME_DIR: directory }, uid)[0]).toBe(path);
  });

  it('does not trust a socket where others can write, nor one of another user', async () => {
    await socketAt(join(directory, 'reeve-127.0.0.1-7373.sock'));
    expect(socketCandidates({ XDG_RUNTIME_DIR: directory }, uid + 1)).not.toContain(
      join(directory, 'reeve-127.0.0.1-7373.sock'),
    );
    chmodSync(directory, 0o777);
    expect(socketCandidates({ XDG_RUNTIME_DIR: directory }, uid)).not.toContain(
      join(directory, 'reeve-127.0.0.1-7373.sock'),
    );
  });

  it('passes over what is no socket or not there', () => {
    mkdirSync(join(directory, 'reeve-127.0.0.1-7373.sock'));
    expect(
      socketCandidates({ XDG_RUNTIME_DIR: directory }, uid).filter((path) => path.startsWith(directory)),
    ).toEqual([]);
  });
});
