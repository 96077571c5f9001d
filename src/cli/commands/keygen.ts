import { randomBytes } from 'node:crypto';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';

/** AES-256. */
const KEY_BYTES = 32;

/** `keygen`: a key for `-encrypt`, the keyring file or `keys -install`; works without an agent. */
export const keygenCommand = defineCommand({
  name: 'keygen',
  usage: '',
  examples: [['', 'Print a new key, base64 of 32 random bytes']],
  about: [
    'Generates a new encryption key. Give the same key to every agent of the cluster: as encrypt_key in a configuration file, or in a keyring file.',
  ],
  flags: {},
  order: 'go',
  run: async (_input, { out }) => {
    out.line(randomBytes(KEY_BYTES).toString('base64'));
    return EXIT.ok;
  },
});
