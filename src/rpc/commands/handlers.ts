import { boolField, counterField, textField } from '../fields.ts';
import type { Command } from './command.ts';

/** Handlers over RPC. Answers are JSON in one text: they are for people and programs, not for Serf's clients. */

const NOTHING = { Json: '' };

/** Where every handler stands. */
export const listHandlers: Command = {
  emptyBody: NOTHING,
  run: ({ backend }) => ({ body: { Json: JSON.stringify(backend.supervision.list()) } }),
};

/** A handler's recorded runs. */
export const handlerLog: Command = {
  emptyBody: NOTHING,
  run: ({ backend }, body) => {
    const runs = backend.supervision.runs(textField(body, 'Name'), counterField(body, 'Limit'));
    return { body: { Json: JSON.stringify(runs) } };
  },
};

export const rerunHandler: Command = {
  emptyBody: NOTHING,
  privileged: true,
  run: async ({ backend }, body) => {
    const outcome = await backend.supervision.rerun(textField(body, 'Name'), counterField(body, 'Run'));
    return { body: { Json: JSON.stringify(outcome) } };
  },
};

/** Also without a run it is for who may run handlers: what it shows holds variables that may be secret. */
export const testHandler: Command = {
  emptyBody: NOTHING,
  privileged: true,
  run: async ({ backend }, body) => {
    const event = textField(body, 'Event');
    const run = counterField(body, 'Run');
    const result = await backend.supervision.test({
      name: textField(body, 'Name'),
      execute: boolField(body, 'Execute'),
      event: event === '' ? undefined : event,
      run: run === 0 ? undefined : run,
    });
    return { body: { Json: JSON.stringify(result) } };
  },
};

/** Lets a held handler or renderer go ahead once. */
export const approve: Command = {
  emptyBody: NOTHING,
  privileged: true,
  run: ({ backend }, body) => {
    backend.supervision.approve(textField(body, 'Name'));
    return { body: { Json: '{}' } };
  },
};
