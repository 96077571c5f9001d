import { integerField } from '../fields.ts';
import { RPC_ERRORS, RPC_VERSION } from '../protocol.ts';
import { type Command, refusal } from './command.ts';

/** Agrees on the version; a bad one leaves the connection open, and is told before a repetition is (agent.md 2). */
export const handshake: Command = {
  run({ access }, body) {
    const version = integerField(body, 'Version', -0x8000_0000, 0x7fff_ffff);
    if (version !== RPC_VERSION) throw refusal(RPC_ERRORS.unsupportedVersion);
    if (access.handshaken) throw refusal(RPC_ERRORS.handshakeRepeated);
    access.handshake();
    return {};
  },
};
