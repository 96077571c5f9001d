import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptRecorder } from '../../../src/agent/render-record.ts';
import type { MemberInfo } from '../../../src/events/event.ts';
import { RunHistory } from '../../../src/handlers/history.ts';
import { RunFile } from '../../../src/handlers/history-file.ts';
import { prepareRenderer, RendererRunner } from '../../../src/render/runner.ts';
import { commands, host, sh, spec } from '../render/samples.ts';

/** Attempts of renderers in the record that handlers have. */

let folder = '';
const runners: RendererRunner[] = [];
const histories: RunHistory[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-record-'));
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop(0)));
  await Promise.all(histories.splice(0).map((history) => history.close()));
  rmSync(folder, { recursive: true });
});

function open(): RunHistory {
  const history = new RunHistory(new RunFile(join(folder, 'runs.jsonl'), () => undefined));
  histories.push(history);
  return history;
}

async function start(history: RunHistory, more: Parameters<typeof spec>[1] = {}) {
  writeFileSync(join(folder, 't'), '{% for m in members %}{{ m.name }}\n{% endfor %}');
  const cluster: { members: readonly MemberInfo[] } = { members: [host('a', 2)] };
  const runner = new RendererRunner(
    await prepareRenderer(spec(join(folder, 'f'), { template: join(folder, 't'), ...more })),
    {
      self: () => host('me', 1),
      facts: () => ({
        ...cluster,
        exchanges: 1,
        suspects: new Set<string>(),
        silent: false,
        nobodyToJoin: false,
      }),
      isStaying: () => true,
      log: () => undefined,
      now: () => performance.now(),
      date: () => new Date(),
      spare: () => undefined,
      env: { PATH: process.env['PATH'] ?? '' },
      recorder: attemptRecorder(history),
    },
  );
  runners.push(runner);
  await runner.start();
  return { runner, cluster };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

const attempts = (history: RunHistory) => history.of('hosts', 'renderer');

describe('an attempt of a renderer', () => {
  it('is on record with reason, change, outcome, commands and output, also after a restart', async () => {
    const history = open();
    const reload = sh('echo reloaded; echo hm >&2');
    const { runner, cluster } = await start(history, { commands: commands({ reload }) });
    await until(() => attempts(history)[0]?.state === 'ok');
    cluster.members = [host('b', 3)];
    runner.poke();
    await until(() => attempts(history).length === 2 && attempts(history)[0]?.state === 'ok');
    await history.close();
    const [second, first] = attempts(open());
    expect(first).toMatchObject({ cause: 'start', event: 'render 1 member, generation 1: +a', attempt: 1 });
    expect(second).toMatchObject({
      handler: 'hosts',
      kind: 'renderer',
      cause: 'change',
      event: 'render 1 member, generation 2: +b -a',
      state: 'ok',
      exit: expect.stringMatching(/^replaced, reload ok in \d+ms$/),
      duration_ms: expect.any(Number),
      stdout: 'reloaded\n',
      stderr: 'hm\n',
    });
  });

  it('names the step that failed and keeps what it printed; a retry counts', async () => {
    const history = open();
    const base = spec('');
    const policy = { ...base.policy, retry: { firstMs: 5, maxMs: 5 } };
    const its = commands({ reload: sh('echo fine'), verify: sh('echo 502 >&2; exit 22') });
    await start(history, { policy, commands: its });
    await until(() => attempts(history).length >= 2);
    expect(attempts(history).at(-1)).toMatchObject({
      state: 'failed',
      step: 'verify',
      exit: expect.stringContaining('verify failed, the file is as it was before'),
      stdout: '',
      stderr: '502\n',
    });
    expect(attempts(history).at(-2)).toMatchObject({ cause: 'retry', attempt: 2 });
  });

  it('is marked when the agent dies in it, and so is one that a stopping agent cuts off', async () => {
    const history = open();
    const reload = sh('touch "$REEVE_TARGET.began"; sleep 60');
    const { runner } = await start(history, { commands: commands({ reload }) });
    await until(() => existsSync(join(folder, 'f.began')));
    // What an agent that is killed now leaves behind.
    const next = new RunHistory(new RunFile(join(folder, 'runs.jsonl'), () => undefined));
    expect(next.interrupted).toMatchObject([{ kind: 'renderer', state: 'interrupted' }]);
    await next.close();
    await runner.stop(0);
    expect(attempts(history)[0]).toMatchObject({
      state: 'interrupted',
      step: 'reload',
      exit: 'reload was ended with the agent; the next start does it again',
    });
  });

  it('that finds the file right is there when somebody asked, and not when it was only time to look', async () => {
    const history = open();
    const base = spec('');
    const policy = { ...base.policy, resyncMs: 5 };
    const { runner } = await start(history, { policy });
    const looks = () => runner.report().attempts.filter(({ reason }) => reason === 'resync').length;
    await until(() => looks() >= 3);
    await runner.renderNow();
    expect(attempts(history).map(({ cause, exit }) => [cause, exit])).toEqual([
      ['reload', 'unchanged'],
      ['start', 'created'],
    ]);
  });

  it('is apart from the runs of a handler of the same name', async () => {
    const history = open();
    const about = 'x';
    const { id } = history.begin({ handler: 'hosts', cause: 'event', attempt: 1, about });
    await start(history);
    await until(() => attempts(history)[0]?.state === 'ok');
    expect(history.of('hosts').map((run) => [run.id, run.state])).toEqual([[id, 'running']]);
    expect(attempts(history)).toHaveLength(1);
  });
});
