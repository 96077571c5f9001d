import { configSchema } from '../../agent/config/schema.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';

/** `config schema`: the JSON Schema of configuration files, made from the configuration table. */
export const configSchemaCommand = defineCommand({
  name: 'config schema',
  usage: '',
  examples: [['> reeve.schema.json', 'Keep it where an editor finds it']],
  about: [
    'Prints the JSON Schema of configuration files. An editor that knows it completes keys and marks mistakes; name it in a file with the key $schema, which an agent ignores.',
  ],
  flags: {},
  order: 'go',
  run: async (_input, { out }) => {
    out.line(JSON.stringify(configSchema(), null, 2));
    return EXIT.ok;
  },
});
