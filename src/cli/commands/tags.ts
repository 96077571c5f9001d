import { defineCommand, explained, RPC_FLAGS, readTags, usageError, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';

/** `tags`: a key that is both deleted and set is set. */
export const tagsCommand = defineCommand({
  name: 'tags',
  usage: '[options]',
  examples: [
    ['-set role=web', 'Set a tag'],
    ['-set role=web -set rack=7', 'Several at once'],
    ['-delete rack', 'Remove one'],
  ],
  about: ['Changes the tags of a running agent; the whole cluster sees the change.'],
  flags: {
    set: { kind: 'list', value: 'key=value', doc: 'Create or change a tag; may be repeated.' },
    delete: { kind: 'list', value: 'key', doc: 'Remove a tag, if present; may be repeated.' },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: async ({ flags }, context) => {
    if (flags.set.length === 0 && flags.delete.length === 0)
      throw usageError('At least one of -set or -delete must be specified.');
    const tags = readTags(flags.set);
    return withAgent(context, flags, async (client) => {
      await explained('Error setting tags', client.updateTags(tags, flags.delete));
      context.out.line('Successfully updated agent tags');
      return EXIT.ok;
    });
  },
});
