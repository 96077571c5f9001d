import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runArguments } from '../../../../src/agent/config/flags.ts';
import type { ConfigHost } from '../../../../src/agent/config/host.ts';
import { loadConfig } from '../../../../src/agent/config/load.ts';

const directory = mkdtempSync(join(tmpdir(), 'reeve-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const INTERFACES: Readonly<Record<string, readonly string[]>> = {
  eth0: ['169.254.3.4', 'fe80::1', '10.1.2.3', 'fd00::1'],
  bare: [],
  local: ['169.254.1.1', 'fe80::2'],
};

const host: ConfigHost = {
  hostName: () => 'this-host',
  interfaceAddresses: (name) => INTERFACES[name],
  user: () => undefined,
  lookup: (name) =>
    name === 'seed' ? Promise.resolve('10.9.9.9') : Promise.reject(new Error(`lookup ${name}: no such host`)),
};

const load = (words: readonly string[], env: Record<string, string> = {}) =>
  loadConfig(runArguments(words), env, host);

const json = (object: unknown) => `-config-file=${file('case.json', JSON.stringify(object))}`;

const KEY = Buffer.alloc(32, 7).toString('base64');

describe('settings', () => {
  it('by default are those of Serf, named after the host', async () => {
    const { settings, notes } = await load([]);
    expect(notes).toEqual([]);
    expect(settings).toMatchObject({
      nodeName: 'this-host',
      bind: { ip: '0.0.0.0', port: 7946 },
      advertise: undefined,
      encryptKey: undefined,
      profile: 'lan',
      logLevel: 'INFO',
      logFormat: 'text',
      handlers: [],
      rpcAuth: '',
      label: '',
    });
  });

  it.each([
    ['-bind=0.0.0.0:1234', { ip: '0.0.0.0', port: 1234 }],
    ['-bind=127.0.0.1', { ip: '127.0.0.1', port: 7946 }],
    ['-bind=:5000', { ip: '0.0.0.0', port: 5000 }],
    ['-bind=[::1]', { ip: '::1', port: 7946 }],
    ['-bind=[::1]:5000', { ip: '::1', port: 5000 }],
    ['-bind=seed:5000', { ip: '10.9.9.9', port: 5000 }],
  ])('%s is an address to bind', async (word, expected) => {
    expect((await load([word])).settings.bind).toEqual(expected);
  });

  it('give an advertised address without port 7946, not the bind port', async () => {
    const { settings } = await load(['-bind=127.0.0.1:5000', '-advertise=10.0.0.1']);
    expect(settings.advertise).toEqual({ ip: '10.0.0.1', port: 7946 });
  });

  it('take flags over the environment over files', async () => {
    const source = json({ rpc_auth: 'from-file', node_name: 'from-file', bind: '127.0.0.9' });
    const { settings } = await load([source, '-node=from-flag'], { REEVE_RPC_AUTH: 'from-env' });
    expect([settings.rpcAuth, settings.nodeName, settings.bind.ip]).toEqual([
      'from-env',
      'from-flag',
      '127.0.0.9',
    ]);
  });

  it('read files of a directory by name, only those that end in .json, the later over the earlier', async () => {
    const dir = mkdtempSync(join(directory, 'd'));
    writeFileSync(join(dir, 'b.json'), '{"node_name":"b","start_join":["2"]}');
    writeFileSync(join(dir, 'a.json'), '{"node_name":"a","start_join":["1"]}');
    writeFileSync(join(dir, 'c.conf'), 'not JSON');
    const { settings } = await load([`-config-dir=${dir}`, '-join=3']);
    expect(settings.nodeName).toBe('b');
    expect(settings.config.values.start_join).toEqual(['1', '2', '3']);
  });

  it('make the tag role of the deprecated role, and say so', async () => {
    const { settings, notes } = await load(['-role=web', '-tag=a=b']);
    expect([...settings.tags]).toEqual([
      ['a', 'b'],
      ['role', 'web'],
    ]);
    expect(notes).toEqual(["Deprecation warning: 'Role' has been replaced with 'Tags'"]);
  });

  it('raise intervals below one second, and say so', async () => {
    const { settings, notes } = await load(['-retry-interval=1ms', '-broadcast-timeout=999ms']);
    expect(settings.config.values).toMatchObject({ retry_interval: 1000, broadcast_timeout: 1000 });
    expect(notes).toEqual([
      "Warning: 'RetryInterval' is too low. Setting to 1s",
      "Warning: 'BroadcastTimeout' is too low. Setting to 1s",
    ]);
  });

  it('warn of rejoining without a snapshot', async () => {
    expect((await load(['-rejoin'])).notes).toEqual([
      "Warning: 'RejoinAfterLeave' enabled without snapshot file",
    ]);
    expect((await load(['-rejoin', '-snapshot=/s'])).notes).toEqual([]);
    expect((await load(['-rejoin', '-state-dir=/d'])).notes).toEqual([]);
  });

  it('keep the snapshot where it is told to, else in the state directory, else nowhere', async () => {
    expect((await load([])).settings.snapshotPath).toBe('');
    expect((await load(['-state-dir=/d'])).settings.snapshotPath).toBe('/d/serf.snapshot');
    expect((await load(['-state-dir=/d', '-snapshot=s'])).settings.snapshotPath).toBe('s');
  });

  it('choose the first address of an interface that is not link-local', async () => {
    const { settings, notes } = await load(['-iface=eth0', '-bind=0.0.0.0:5000']);
    expect(settings.bind).toEqual({ ip: '10.1.2.3', port: 5000 });
    expect(notes).toEqual(["Using interface 'eth0' address '10.1.2.3'"]);
    expect((await load(['-iface=eth0', '-bind=[fd00::1]'])).notes).toEqual([]);
  });

  it('decode the encryption key, from a file too', async () => {
    const path = file('key', `${KEY}\n`);
    expect((await load([`-encrypt=${KEY}`])).settings.encryptKey).toEqual(new Uint8Array(32).fill(7));
    expect((await load([`-encrypt-key-file=${path}`])).settings.encryptKey).toEqual(
      new Uint8Array(32).fill(7),
    );
    expect((await load([], { REEVE_ENCRYPT_KEY: KEY })).settings.encryptKey).toHaveLength(32);
  });

  it('refuse a file with a secret that every user can read or write, without showing it', async () => {
    for (const mode of [0o644, 0o604, 0o602]) {
      const path = file(`open${mode}`, 'hunter2', mode);
      const text = mode.toString(8);
      await expect(load([`-rpc-auth-file=${path}`])).rejects.toThrow(
        `Invalid rpc_auth_file: ${path} is open to every user (mode 0${text}); run: chmod 600 ${path}`,
      );
    }
    const shared = file('group', 'hunter2', 0o640);
    expect((await load([`-rpc-auth-file=${shared}`])).settings.rpcAuth).toBe('hunter2');
  });

  it('warn of a secret in a configuration file that every user can read, as Serf takes it', async () => {
    const path = file('c.json', '{"rpc_auth":"hunter2"}', 0o644);
    const { settings, notes } = await load([`-config-file=${path}`]);
    expect(settings.rpcAuth).toBe('hunter2');
    expect(notes).toEqual([
      `Warning: '${path}' holds 'rpc_auth' and every user can read it; chmod 600 it, or use 'rpc_auth_file'`,
    ]);
    const closed = file('d.json', '{"rpc_auth":"hunter2"}', 0o600);
    expect((await load([`-config-file=${closed}`])).notes).toEqual([]);
  });
});

describe('a wrong setting', () => {
  it.each([
    ['-event-handler=bogus=x', "Invalid event script: Event 'bogus' invoking 'x'"],
    ['-iface=nope', 'Invalid network interface: route ip+net: no such network interface'],
    ['-mdns-iface=eth0', 'mDNS interface specified without enabling mDNS discovery'],
    ['-iface=bare', "Interface 'bare' has no addresses"],
    ['-iface=local', "Failed to find usable address for interface 'local'"],
    ['-log-level=foo', 'Invalid log level: FOO. Valid log levels are: [TRACE DEBUG INFO WARN ERR]'],
    ['-log-format=xml', 'Invalid log format: xml. Valid log formats are: [text json]'],
    ['-bind=1.2.3.4:x', 'Invalid bind address: address tcp/x: unknown port'],
    ['-bind=::1', 'Invalid bind address: address ::1: too many colons in address'],
    ['-bind=127.0.0.1:99999', 'Invalid bind address: address 99999: invalid port'],
    ['-bind=[::1', "Invalid bind address: address [::1: missing ']' in address"],
    ['-bind=nowhere', 'Invalid bind address: lookup nowhere: no such host'],
    [
      '-advertise=:55',
      'Invalid advertise address: address :55: missing host, which others need to reach this node',
    ],
    ['-advertise=x:y:z', 'Invalid advertise address: address x:y:z: too many colons in address'],
    ['-encrypt=!!', 'Invalid encryption key: illegal base64 data at input byte 0'],
    ['-encrypt=AAA', 'Invalid encryption key: illegal base64 data at input byte 0'],
    ['-profile=foo', 'Unknown profile: foo'],
    ['-cidrs-allowed=10.0.0.0', "Invalid address range '10.0.0.0': write it like 10.0.0.0/8"],
    ['-cidrs-allowed=10.0.0.0/33', "Invalid address range '10.0.0.0/33': write it like 10.0.0.0/8"],
    [`-label=${'x'.repeat(256)}`, 'Invalid label: 256 bytes, at most 255 are allowed'],
    ['-handler-timeout=-1s', "Invalid 'handler_timeout' (-handler-timeout): must not be negative"],
    ['-config-file=/no/such', "Error reading '/no/such': open /no/such: no such file or directory"],
    ['-rpc-auth-file=/no/such', 'Invalid rpc_auth_file: open /no/such: no such file or directory'],
  ])('%s is refused with its text', async (word, text) => {
    await expect(load([word])).rejects.toThrow(expect.objectContaining({ message: text }));
  });

  it.each([
    ['-mdns-iface=nope', 'Invalid mDNS network interface: route ip+net: no such network interface'],
    ['-mdns-disable-ipv4', 'Invalid mDNS configuration: both IPv4 and IPv6 are disabled'],
  ])('of multicast DNS is refused: %s', async (word, text) => {
    const words = ['-discover=x', '-mdns-disable-ipv6', word];
    await expect(load(words)).rejects.toThrow(expect.objectContaining({ message: text }));
    await expect(load(words.slice(0, 2))).resolves.toBeDefined();
  });

  it('of an interface is judged against an explicit address', async () => {
    await expect(load(['-iface=eth0', '-bind=10.0.0.1'])).rejects.toThrow(
      "Interface 'eth0' has no '10.0.0.1' address",
    );
  });

  it('that gives a secret twice is refused', async () => {
    const path = file('key2', KEY);
    await expect(load([`-encrypt=${KEY}`, `-encrypt-key-file=${path}`])).rejects.toThrow(
      "'encrypt_key' and 'encrypt_key_file' exclude each other",
    );
  });

  it('in a file that Serf would accept without effect stays without effect', async () => {
    await expect(load([json({ enable_syslog: false, syslog_facility: 'DAEMON' })])).resolves.toBeDefined();
  });

  it('is found in the order of Serf: flags, files, handlers, interface, level, addresses, key, profile', async () => {
    const wrong = [
      ['-tag=foo', 'Invalid tag'],
      ['-config-file=/no/such', 'Error reading'],
      ['-event-handler=bogus=x', 'Invalid event script'],
      ['-iface=nope', 'Invalid network interface'],
      ['-mdns-iface=eth0', 'mDNS interface specified'],
      ['-log-level=foo', 'Invalid log level'],
      ['-bind=::1', 'Invalid bind address'],
      ['-advertise=::1', 'Invalid advertise address'],
      ['-encrypt=!!', 'Invalid encryption key'],
      ['-profile=foo', 'Unknown profile'],
    ] as const;
    for (let from = 0; from < wrong.length; from += 1) {
      const words = wrong.slice(from).map(([word]) => word);
      await expect(load(words.reverse())).rejects.toThrow(wrong[from]?.[1]);
    }
  });
});
