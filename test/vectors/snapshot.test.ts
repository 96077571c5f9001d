import { describe, expect, it } from 'vitest';
import { LineReader } from '../../src/serf/line-reader.ts';
import { SNAPSHOT_LINE_BYTES, Snapshot } from '../../src/serf/snapshot.ts';
import { loadVectors, unhex } from './load.ts';

const NODES = [1, 2, 3].map((i) => ({
  name: `node-${'abc'[i - 1]}`,
  address: { ip: '127.0.0.1', port: 23000 + i },
}));

const EXPECTED: Readonly<Record<string, { readonly alive: unknown[]; readonly times: number[] }>> = {
  snapshot_joined: { alive: NODES, times: [2, 2, 3] },
  snapshot_after_failure_and_leave: { alive: NODES.slice(0, 1), times: [3, 2, 3] },
  snapshot_after_own_leave: { alive: [], times: [6, 0, 0] },
};

const vectors = loadVectors('files').filter(({ name }) => name.startsWith('snapshot'));

function replayed(bytes: Uint8Array, rejoin: boolean): { snapshot: Snapshot; remarks: string[] } {
  const snapshot = new Snapshot(rejoin);
  const remarks: string[] = [];
  const reader = new LineReader(SNAPSHOT_LINE_BYTES, (line) => {
    const remark = snapshot.apply(line);
    if (remark !== undefined) remarks.push(remark.text);
  });
  reader.push(bytes);
  return { snapshot, remarks };
}

describe('snapshots that Serf wrote', () => {
  it('are all here', () => {
    expect(vectors.map(({ name }) => name)).toEqual(Object.keys(EXPECTED));
  });

  it.each(vectors)('$name says who was alive and what time it was', ({ name, hex, decoded }) => {
    expect(Buffer.from(unhex(hex)).toString()).toBe(decoded);
    const { snapshot, remarks } = replayed(unhex(hex), false);
    const { member, event, query } = snapshot.lastTimes;
    expect({ alive: snapshot.alive, times: [member, event, query] }).toEqual(EXPECTED[name]);
    expect(remarks).toEqual([]);
  });

  it('keep everything through a leave when the node rejoins after one', () => {
    const left = vectors.find(({ name }) => name === 'snapshot_after_own_leave');
    const { snapshot, remarks } = replayed(unhex(left?.hex ?? ''), true);
    expect(snapshot.alive).toEqual(NODES.slice(0, 1));
    expect(snapshot.lastTimes).toEqual({ member: 6, event: 2, query: 3 });
    expect(remarks).toEqual(['Ignoring previous leave in snapshot']);
  });
});
