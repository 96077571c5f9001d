/** What a failed join says of one cause, in lower case as the cases differ between versions, and what to do about it. */
const ADVICE: readonly (readonly [text: string, advice: string])[] = [
  [
    'connection refused',
    'Nothing listens on that port: start the agent there, or name its gossip port (host:port).',
  ],
  [
    'i/o timeout',
    'That host does not answer: is it up, and does every firewall on the way let TCP through to the gossip port?',
  ],
  ['no route to host', 'That host cannot be reached: check its address, the routes, and whether it is up.'],
  ['network is unreachable', 'This host has no route to that network: check the address and the routes.'],
  ['no such host', 'That name has no address: check how it is spelt, and the name servers of this host.'],
  [
    'have different encrypt keys',
    'Give this agent a key of that cluster, with encrypt_key or its keyring file; agent keys -list shows them there.',
  ],
  [
    'the peer has an encrypt key and this node has none',
    'Start this agent with the key of that cluster: -encrypt, encrypt_key_file or -keyring-file.',
  ],
  [
    'this node has an encrypt key and the peer has none',
    'Start that agent with the same key, or this one without; docs/encryption.md has the way for a whole cluster.',
  ],
  [
    'cluster label may differ',
    'Give both agents the same -label, and check that the port is the gossip port (7946 unless told otherwise).',
  ],
  [
    'is incompatible: [',
    'Give the agent named there a -protocol within that range, or update the older agents.',
  ],
];

/** The next steps after a join that failed with this text, one sentence each; none where the text knows better. */
export function joinAdvice(text: string): readonly string[] {
  const lower = text.toLowerCase();
  return ADVICE.filter(([words]) => lower.includes(words)).map(([, advice]) => advice);
}
