import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { runAgent } from '../../../src/agent/agent.ts';
import { run } from './fake-context.ts';

const agent = vi.hoisted(() => ({ runAgent: vi.fn<typeof runAgent>() }));
vi.mock('../../../src/agent/agent.ts', () => agent);

describe('run', () => {
  beforeEach(() => agent.runAgent.mockReset().mockResolvedValue(0));

  it('hands the flags on as text, files and directories in one order', async () => {
    await run([
      'run',
      '-config-file=b.json',
      '-config-dir',
      'conf.d',
      '-node=007',
      '-tag',
      'a=b=c',
      '-config-file=a.json',
      '-tag=d=',
      '-replay',
      '-retry-interval=5',
    ]);
    expect(agent.runAgent).toHaveBeenCalledWith({
      sources: ['b.json', 'conf.d', 'a.json'],
      flags: new Map([
        ['node', ['007']],
        ['tag', ['a=b=c', 'd=']],
        ['replay', ['true']],
        ['retry-interval', ['5']],
      ]),
    });
  });

  it.each([0, 1])("exits with the agent's code %d, and agent is its other name", async (code) => {
    agent.runAgent.mockResolvedValue(code);
    expect(await run(['agent'])).toMatchObject({ code, stderr: '' });
  });

  it('names what an argument in the middle makes it ignore', async () => {
    const { stderr } = await run(['run', '-node=a', 'oops', '-bind=127.0.0.1']);
    expect(stderr).toBe('==> Warning: ignored, as they follow an argument: oops -bind=127.0.0.1\n');
    expect(agent.runAgent).toHaveBeenCalledWith({ sources: [], flags: new Map([['node', ['a']]]) });
  });

  it.each([
    ['-bogus', 'flag provided but not defined: -bogus\n'],
    ['-protocol=x', 'invalid value "x" for flag -protocol: parse error; give a whole number\n'],
    [
      '-replay=maybe',
      'invalid boolean value "maybe" for -replay: parse error; give true or false after an equals sign, or nothing\n',
    ],
    ['-nodee=x', 'flag provided but not defined: -nodee; did you mean -node?\n'],
  ])('%s is refused before anything starts', async (flag, stderr) => {
    expect(await run(['run', flag])).toMatchObject({ code: 1, stderr });
    expect(agent.runAgent).not.toHaveBeenCalled();
  });
});
