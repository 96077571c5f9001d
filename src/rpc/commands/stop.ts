import { uint64Field } from '../fields.ts';
import type { Command } from './command.ts';

/** Ends the stream or monitor of a Seq; one that is unknown is a success. */
export const stop: Command = {
  run({ streams }, body) {
    streams.stop(uint64Field(body, 'Stop'));
    return {};
  },
};
