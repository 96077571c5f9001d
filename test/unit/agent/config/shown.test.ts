import { expect, it } from 'vitest';
import { decodeConfig } from '../../../../src/agent/config/decode.ts';
import { shownValue } from '../../../../src/agent/config/shown.ts';

const shown = (object: unknown) =>
  Object.fromEntries(
    decodeConfig('c.json', JSON.stringify(object)).map(({ key, value }) => [key, shownValue(key, value)]),
  );

it('values are shown as a file would state them', () => {
  const object = {
    node_name: 'n',
    tags: { a: 'b' },
    retry_interval: '1m30s',
    start_join: ['x'],
    handlers: {
      lb: { run: 'x', timeout: '1m30s', retry: { backoff: '2s' }, environment: { inherit: ['A'] } },
    },
  };
  expect(shown(object)).toEqual(object);
});

it('secrets are shown as stars, in handlers by the name of the variable', () => {
  const environment = { set: { API_TOKEN: 'hunter2', A: 'b', EMPTY_KEY: '' } };
  expect(
    shown({ rpc_auth: 'hunter2', encrypt_key: '', handlers: { lb: { run: 'x', environment } } }),
  ).toEqual({
    rpc_auth: '***',
    encrypt_key: '',
    handlers: { lb: { run: 'x', environment: { set: { API_TOKEN: '***', A: 'b', EMPTY_KEY: '' } } } },
  });
});
