import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { writeFileAtomically } from '../../../src/agent/atomic-file.ts';
import { readKeyringFile, writeKeyringFile } from '../../../src/agent/keyring-file.ts';
import { commandOf } from '../../../src/agent/processes.ts';
import { lockStateDirectory } from '../../../src/agent/state-dir.ts';
import { readTagsFile, writeTagsFile } from '../../../src/agent/tags-file.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const path = (name: string) => join(directory, name);
const modeOf = (name: string) => statSync(path(name)).mode & 0o777;

describe('writing a file', () => {
  it('leaves nothing but the new content, readable by its owner alone', () => {
    writeFileAtomically(path('f'), 'one');
    writeFileAtomically(path('f'), 'two');
    expect(readFileSync(path('f'), 'utf8')).toBe('two');
    expect(modeOf('f')).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['f']);
  });

  it('keeps the mode a file has, and a link a link', () => {
    writeFileSync(path('real'), 'old', { mode: 0o640 });
    symlinkSync(path('real'), path('link'));
    writeFileAtomically(path('link'), 'new');
    expect(readFileSync(path('real'), 'utf8')).toBe('new');
    expect(modeOf('real')).toBe(0o640);
    expect(readdirSync(directory).sort()).toEqual(['link', 'real']);
  });
});

describe('the tags file', () => {
  it('is JSON indented by two, sorted, without a newline at its end, and is read back', () => {
    const tags = new Map([
      ['role', 'web'],
      ['dc', 'e<1>'],
      ['__proto__', 'odd'],
      ['raw', '\udc80'],
    ]);
    writeTagsFile(path('t'), tags);
    expect(readFileSync(path('t'), 'utf8')).toBe(
      '{\n  "__proto__": "odd",\n  "dc": "e<1>",\n  "raw": "\\udc80",\n  "role": "web"\n}',
    );
    expect(readTagsFile(path('t'))).toEqual(tags);
  });

  it('that is not there yet holds nothing', () => {
    expect(readTagsFile(path('none'))).toBeUndefined();
  });

  it.each([
    ['[]', 'Failed to decode tags file: not an object of texts'],
    ['{"a":1}', "Failed to decode tags file: tag 'a' is not a text"],
    ['{', 'Failed to decode tags file: unexpected EOF (line 1, column 2)'],
    ['', 'Failed to decode tags file: unexpected end of JSON input'],
    ['{"a":"b"} {', "Failed to decode tags file: invalid character '{' after top-level value"],
  ])('that holds %j is refused', (content, text) => {
    writeFileSync(path('t'), content);
    expect(() => readTagsFile(path('t'))).toThrow(text);
  });

  it.each([
    ['null', new Map()],
    ['{"a":null}\n', new Map([['a', '']])],
  ])('that holds %j is read as Go reads it', (content, tags) => {
    writeFileSync(path('t'), content);
    expect(readTagsFile(path('t'))).toEqual(tags);
  });

  it('that cannot be written says why', () => {
    expect(() => writeTagsFile(path('no/dir'), new Map())).toThrow(
      `Failed to write tags file: open ${path('no/dir')}: no such file or directory`,
    );
  });
});

describe('the keyring file', () => {
  const first = new Uint8Array(32).fill(1);
  const second = new Uint8Array(16).fill(2);

  it('keeps the order, the primary first, and is read back', () => {
    writeKeyringFile(path('k'), [second, first]);
    expect(readFileSync(path('k'), 'utf8')).toBe(
      '[\n  "AgICAgICAgICAgICAgICAg==",\n  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="\n]',
    );
    expect(readKeyringFile(path('k'))).toEqual([second, first]);
    expect(modeOf('k')).toBe(0o600);
  });

  it.each([
    ['[]', 'Keyring file contains no keys'],
    ['null', 'Keyring file contains no keys'],
    ['["AgICAgICAgICAgICAgICAg=="] x', "Failed to decode keyring file: DIR/k: invalid character 'x' after"],
    ['["!"]', 'Failed to decode key from keyring: illegal base64 data at input byte 0'],
    ['["AAAA"]', 'Failed to restore keyring: key size must be 16, 24 or 32 bytes'],
    ['{"a":1}', 'not an array of base64 texts'],
    ['[1]', 'not an array of base64 texts'],
  ])('that holds %s is refused', (content, text) => {
    writeFileSync(path('k'), content, { mode: 0o600 });
    expect(() => readKeyringFile(path('k'))).toThrow(text.replace('DIR', directory));
  });

  it('that holds noise of any kind is refused by name', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const noise = Uint8Array.from({ length: seed * 7 }, (_, i) => (i * 7_919 * seed + (i >> 2)) & 0xff);
      writeFileSync(path('k'), noise, { mode: 0o600 });
      expect(() => readKeyringFile(path('k'))).toThrow(expect.objectContaining({ code: 'ERR_KEYRING_FILE' }));
    }
  });

  it('must exist, and its errors never show a key', () => {
    expect(() => readKeyringFile(path('none'))).toThrow(`stat ${path('none')}: no such file or directory`);
    writeFileSync(path('k'), '["c2VjcmV0c2VjcmV0" x', { mode: 0o600 });
    expect(() => readKeyringFile(path('k'))).toThrow(/^(?!.*c2VjcmV0).*Failed to decode keyring file/);
  });
});

describe('who may read the keyring file', () => {
  const keys = [new Uint8Array(32).fill(1)];

  it.each([
    [0o644, 'mode 0644'],
    [0o604, 'mode 0604'],
    [0o602, 'mode 0602'],
  ])('everybody, by mode %o: it is refused with what to do', (mode, text) => {
    writeKeyringFile(path('k'), keys);
    chmodSync(path('k'), mode);
    expect(() => readKeyringFile(path('k'))).toThrow(
      `Keyring file ${path('k')} is open to every user (${text}); run: chmod 600 ${path('k')}`,
    );
  });

  it.each([0o600, 0o400, 0o640])('owner and group, by mode %o: it is read', (mode) => {
    writeKeyringFile(path('k'), keys);
    chmodSync(path('k'), mode);
    expect(readKeyringFile(path('k'))).toEqual(keys);
  });

  it('its owner alone once keys have changed, whatever its mode was', () => {
    writeFileSync(path('k'), '[]', { mode: 0o640 });
    writeKeyringFile(path('k'), keys);
    expect(modeOf('k')).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['k']);
  });
});

describe('the lock of a state directory', () => {
  const lock = () => path('state/agent.lock');

  it('is taken, and gone after its release', () => {
    const held = lockStateDirectory(path('state'));
    expect(readFileSync(lock(), 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+\\n$`));
    expect(modeOf('state')).toBe(0o700);
    held.release();
    expect(readdirSync(path('state'))).toEqual([]);
  });

  it('is said to be held by the command that a script was installed as', () => {
    const command = path('installed-agent');
    writeFileSync(path('run.mjs'), 'setTimeout(() => {}, 30_000)');
    symlinkSync(path('run.mjs'), command);
    const child = spawn(process.execPath, ['--no-warnings', command], { stdio: 'ignore' });
    onTestFinished(() => void child.kill());
    expect(commandOf(child.pid ?? 0)).toMatch(/ installed-agent$/);
  });

  it('of a living process refuses a second agent and names the first', () => {
    lockStateDirectory(path('state'));
    writeFileSync(lock(), `${process.ppid} \n`);
    expect(() => lockStateDirectory(path('state'))).toThrow(
      new RegExp(`State directory '.*state' is in use by process ${process.ppid} \\(.+\\); stop it`),
    );
    expect(existsSync(lock())).toBe(true);
  });

  it.each([
    ['a process that is gone', '4194300 12\n'],
    ['a process whose id another has now', `${process.ppid} 1\n`],
    ['an earlier life of this process id', `${process.pid} 1\n`],
    ['nobody, for it is broken', 'nonsense'],
  ])('of %s is taken over', (_whose, content) => {
    lockStateDirectory(path('state')).release();
    writeFileSync(lock(), content);
    const held = lockStateDirectory(path('state'));
    expect(readFileSync(lock(), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    expect(readdirSync(path('state'))).toEqual(['agent.lock']);
    held.release();
  });

  it('that another agent took over meanwhile is not released', () => {
    const held = lockStateDirectory(path('state'));
    writeFileSync(lock(), `${process.ppid} 1\n`);
    held.release();
    expect(existsSync(lock())).toBe(true);
  });

  it('says where a directory cannot be made', () => {
    writeFileSync(path('file'), '');
    expect(() => lockStateDirectory(path('file/state'))).toThrow(
      /State directory '.*file\/state': .*not a directory/,
    );
  });
});
