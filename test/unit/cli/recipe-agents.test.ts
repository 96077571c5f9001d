import { describe, expect, test } from 'vitest';
import { agentsAmong, type ProcessEntry } from '../../../src/cli/commands/recipe-agents.ts';

const entry = (pid: number, parent: number, line: string, directory = '/'): ProcessEntry => ({
  pid,
  parent,
  words: line.split(' '),
  directory,
  isUnit: false,
});

const found = (...processes: readonly ProcessEntry[]): readonly number[] =>
  agentsAmong(processes, '/etc/reeve').map(({ pid }) => pid);

describe('the agents that read a directory', () => {
  test.each([
    'node /usr/bin/agent run -config-dir=/etc/reeve',
    'node /usr/bin/agent run --config-dir /etc/reeve -node=a',
    '/usr/bin/serf agent -config-dir=/etc/reeve/',
    'node /usr/bin/reeve run -config-file=/etc/reeve',
  ])('are found by %s', (line) => {
    expect(found(entry(7, 1, line))).toEqual([7]);
  });

  test.each([
    'node /usr/bin/agent run -config-dir=/etc/other',
    'node /usr/bin/agent recipe list -config-dir=/etc/reeve',
    'vi run -config-dir',
    'run -config-dir=/etc/reeve',
    '',
  ])('are not found by %j', (line) => {
    expect(found(entry(7, 1, line))).toEqual([]);
  });

  test('include one that was started with a relative path, from where it was started', () => {
    const line = 'node agent run -config-dir=reeve';
    expect(found(entry(7, 1, line, '/etc'), entry(8, 1, line, '/srv'))).toEqual([7]);
  });

  test('are not their wrappers, nor children that are not yet a program of their own', () => {
    const line = 'node agent run -config-dir=/etc/reeve';
    const wrapper = entry(5, 1, `sudo ${line}`);
    expect(found(wrapper, entry(6, 5, line), entry(7, 6, line))).toEqual([6]);
    expect(found(entry(6, 1, line), entry(9, 1, line))).toEqual([6, 9]);
  });
});
