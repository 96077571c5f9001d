import { hostPort } from '../base/address.ts';
import { unreachable } from '../base/assert.ts';
import type { Address } from '../base/machine.ts';
import type { ExchangeFailure } from './joins.ts';
import type { StreamTrouble } from './streams.ts';

const PEER_ALONE = 'the peer has an encrypt key and this node has none';
const WE_ALONE = 'this node has an encrypt key and the peer has none';

/** Texts of either side, in lower case as the cases differ between versions, and what they say about the two nodes. */
const CAUSES: readonly (readonly [text: string, cause: string])[] = [
  ['no installed keys could decrypt', 'the two nodes have different encrypt keys'],
  ['remote error: remote state is encrypted and encryption is not configured', WE_ALONE],
  ['remote error: encryption is configured but remote state is not encrypted', PEER_ALONE],
  ['remote state is encrypted and encryption is not configured', PEER_ALONE],
  ['encryption is configured but remote state is not encrypted', WE_ALONE],
  ['is incompatible: [', 'a member of one side speaks a protocol version that the other side does not'],
];

/**
 * Why a stream gave no whole answer, in words an operator knows from Go's network errors and with the likely cause
 * where there is one.
 */
export function explainTrouble(address: Address, trouble: StreamTrouble): ExchangeFailure {
  const peer = hostPort(address);
  const during = trouble.opened ? `read tcp ${peer}` : `dial tcp ${peer}`;
  switch (trouble.type) {
    case 'refused':
      return { code: 'connection-refused', text: `${during}: connect: connection refused` };
    case 'unreachable':
      return { code: 'unreachable', text: `${during}: connect: no route to host` };
    case 'reset':
      return { code: 'connection-reset', text: `${during}: read: connection reset by peer` };
    case 'timeout':
      return { code: 'timeout', text: `${during}: i/o timeout` };
    case 'overload':
      return { code: 'overload', text: `${during}: more unfinished messages than this node may hold` };
    case 'ended':
      return {
        code: 'no-answer',
        text: `EOF: ${peer} closed the connection without an answer; its cluster label may differ from ours, or it is no gossip port`,
      };
    case 'garbage':
      return withCause({
        code: trouble.error?.code ?? 'garbage',
        text: trouble.error?.message ?? 'unreadable answer',
      });
    default:
      return unreachable(trouble.type);
  }
}

/** The failure with what it says about the two nodes, where that is known; the words before it stay as they are. */
export function withCause(failure: ExchangeFailure): ExchangeFailure {
  const text = failure.text.toLowerCase();
  const cause = CAUSES.find(([words]) => text.includes(words))?.[1];
  return cause === undefined ? failure : { ...failure, text: `${failure.text} (${cause})` };
}
