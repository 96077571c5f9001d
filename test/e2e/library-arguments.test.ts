import { describe, expect, it } from 'vitest';
import { Cluster, type ClusterOptions, type ConnectOptions, RpcClient } from '../../src/index.ts';

/** What plain JavaScript may hand over: nothing has looked at its types. */
interface Untyped {
  readonly [method: string]: (...values: readonly unknown[]) => unknown;
}

const MISTAKES: readonly (readonly [string, readonly unknown[]])[] = [
  ['respond', [1]],
  ['respond', [1, 'text']],
  ['respond', [1, 42]],
  ['respond', [1, new Uint16Array(2)]],
  ['userEvent', []],
  ['userEvent', [null]],
  ['userEvent', [5]],
  ['userEvent', ['deploy', 'text']],
  ['userEvent', ['deploy', { a: 1 }]],
  ['query', []],
  ['query', ['load']],
  ['query', [{}]],
  ['query', [{ name: 'load', payload: 'text' }]],
  ['query', [{ name: 'load', timeoutMs: '5s' }]],
  ['query', [{ name: 'load', timeoutMs: Number.NaN }]],
  ['query', [{ name: 'load', filterTags: { role: 'web' } }]],
  ['query', [{ name: 'load', filterNodes: 'a' }]],
  ['query', [{ name: 'load', until: 'never' }]],
  ['setTags', []],
  ['setTags', [{ role: 'web' }]],
  ['setTags', [new Map([['role', 5]])]],
  ['forceLeave', []],
  ['join', ['127.84.9.2']],
  ['join', [[undefined]]],
  ['keys', []],
  ['keys', [{ action: 'zap' }]],
  ['events', [{ filter: 5 }]],
];

const OPTIONS: readonly (readonly [string, object])[] = [
  ['nodeName', { nodeName: '' }],
  ['nodeName', { nodeName: undefined }],
  ['bind', { bind: '127.84.9.3' }],
  ['bind.port', { bind: { ip: '127.84.9.3', port: '7946' } }],
  ['profile', { profile: 'LAN' }],
  ['tags', { tags: { role: 'web' } }],
  ['each of keys', { keys: ['abc'] }],
  ['label', { label: 5 }],
  ['coalesce.memberQuiescentMs', { coalesce: { memberPeriodMs: 5 } }],
  ['snapshot.path', { snapshot: '/tmp/snapshot' }],
  ['serf.admit', { serf: { admit: 5 } }],
  ['serf.eventSizeLimit', { serf: { eventSizeLimit: 512 } }],
  ['swim.probeIntervalMs', { swim: { probeIntervalMs: Number.NaN } }],
  ['trace', { trace: () => {} }],
];

describe('a program that is not type-checked', () => {
  it('gets ERR_ARGUMENT for what makes no sense, and its node lives on', async () => {
    await using cluster = await Cluster.start({
      nodeName: 'a',
      bind: { ip: '127.84.9.1' },
      profile: 'local',
    });
    const untyped = cluster as unknown as Untyped;
    for (const [method, values] of MISTAKES) {
      const attempt = async (): Promise<unknown> => await untyped[method]?.call(cluster, ...values);
      await expect(attempt(), `${method}(${JSON.stringify(values)})`).rejects.toMatchObject({
        code: 'ERR_ARGUMENT',
      });
    }
    expect(cluster.state).toBe('alive');
    await cluster.setTags(new Map([['role', 'web']]));
    expect(cluster.localMember().tags.get('role')).toBe('web');
  });

  it.each(OPTIONS)('cannot start a node with a bad %s', async (what, option) => {
    const options = { nodeName: 'a', bind: { ip: '127.84.9.3' }, profile: 'local', ...option };
    await expect(Cluster.start(options as ClusterOptions)).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.stringMatching(new RegExp(`^${what} must be `)) as string,
    });
  });

  it('is told how an address of an agent is written', async () => {
    const options = { address: '127.0.0.1:7373' } as unknown as ConnectOptions;
    await expect(RpcClient.connect(options)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  it('may leave anything of a query out by undefined', async () => {
    await using cluster = await Cluster.start({
      nodeName: 'a',
      bind: { ip: '127.84.9.4' },
      profile: 'local',
    });
    const fields = { payload: undefined, filterNodes: undefined, timeoutMs: undefined, until: undefined };
    const query = cluster.query({ name: 'load', ...fields } as unknown as { readonly name: string });
    await query.return?.();
    expect(cluster.state).toBe('alive');
  });
});
