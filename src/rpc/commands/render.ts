import { textField } from '../fields.ts';
import type { Command } from './command.ts';

/** Renderers over RPC. Answers are JSON in one text: they are for people and programs, not for Serf's clients. */

const NOTHING = { Json: '' };

/** Where every renderer stands. */
export const listRenderers: Command = {
  emptyBody: NOTHING,
  run: ({ backend }) => ({ body: { Json: JSON.stringify(backend.renderers()) } }),
};

/**
 * What a render would do. It runs and changes nothing, so everybody may ask; who is not trusted sees the difference only
 * of a file that everybody on the host may read.
 */
export const previewRenderer: Command = {
  emptyBody: NOTHING,
  run: async ({ backend, trusted }, body) => {
    const found = await backend.previewRenderer(textField(body, 'Name'));
    const shown = trusted || found.isPublic ? found : { ...found, diff: '' };
    return { body: { Json: JSON.stringify(shown) } };
  },
};

/** Renders now. */
export const runRenderer: Command = {
  emptyBody: NOTHING,
  privileged: true,
  run: async ({ backend }, body) => {
    const result = await backend.runRenderer(textField(body, 'Name'));
    return { body: { Json: JSON.stringify(result) } };
  },
};
