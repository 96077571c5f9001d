import type { ClusterEvent, MemberEventType, MemberStatus } from '../../events/event.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { Check, Complain } from './check.ts';

type Standing = 'unknown' | 'present' | 'failed' | 'left';

/** What may follow what (serf.md 6.2); a forced removal may end any standing. */
const LEGAL: Readonly<Record<Standing, readonly MemberEventType[]>> = {
  unknown: ['member-join'],
  present: ['member-update', 'member-leave', 'member-failed'],
  failed: ['member-join', 'member-leave', 'member-reap'],
  left: ['member-join', 'member-reap'],
};

const AFTER: Readonly<Record<MemberEventType, Standing>> = {
  'member-join': 'present',
  'member-update': 'present',
  'member-leave': 'left',
  'member-failed': 'failed',
  'member-reap': 'unknown',
};

interface Folded {
  readonly standing: Standing;
  readonly tags: string;
}

/** What each process has published, member by member. */
class Folds {
  readonly #byNode = new Map<SimNode, Map<string, Folded>>();

  of(node: SimNode): Map<string, Folded> {
    const fold = this.#byNode.get(node) ?? new Map<string, Folded>();
    this.#byNode.set(node, fold);
    return fold;
  }

  forget(node: SimNode): void {
    this.#byNode.delete(node);
  }

  take(
    node: SimNode,
    event: ClusterEvent,
    onStep: (name: string, from: Standing, type: MemberEventType) => void,
  ): void {
    if (!('members' in event)) return;
    const fold = this.of(node);
    for (const { name, tags } of event.members) {
      onStep(name, fold.get(name)?.standing ?? 'unknown', event.type);
      const standing = AFTER[event.type];
      if (standing === 'unknown') fold.delete(name);
      else fold.set(name, { standing, tags: tagText(tags) });
    }
  }
}

/** Events about a member come in an order that makes sense: nobody leaves who has not joined (serf.md 6.2). */
export function eventOrderCheck(complain: Complain): Check {
  const folds = new Folds();
  return {
    started: (node) => folds.forget(node),
    published(node, event) {
      folds.take(node, event, (name, from, type) => {
        if (!LEGAL[from].includes(type))
          complain(`${node.name} published ${type} of ${name}, which was ${from}`);
      });
    },
  };
}

/** The events of a process add up to its member list, tags included, at any time. */
export function foldCheck(complain: Complain): Check {
  const folds = new Folds();
  return {
    started: (node) => folds.forget(node),
    published: (node, event) => folds.take(node, event, () => {}),
    poll(cluster: SimCluster) {
      for (const node of cluster.running) {
        const fold = folds.of(node);
        const members = node.members();
        for (const { name, status, tags } of members) {
          const folded = fold.get(name);
          if (folded?.standing !== standingOf(status)) {
            complain(
              `${node.name} lists ${name} as ${status}, its events say ${folded?.standing ?? 'unknown'}`,
            );
          } else if (folded.standing === 'present' && folded.tags !== tagText(tags)) {
            complain(`${node.name} lists ${name} with tags ${tagText(tags)}, its events say ${folded.tags}`);
          }
        }
        if (fold.size !== members.length) {
          const listed = new Set(members.map(({ name }) => name));
          const more = [...fold.keys()].filter((name) => !listed.has(name));
          complain(`${node.name} does not list ${more.join(', ')}, of which its events tell`);
        }
      }
    },
  };
}

/** A node that runs and has not begun to leave is alive in its own eyes, and never says otherwise. */
export function selfCheck(complain: Complain): Check {
  return {
    published(node, event) {
      if (event.type !== 'member-failed' && event.type !== 'member-leave' && event.type !== 'member-reap')
        return;
      const isSelf = event.members.some(({ name }) => name === node.name);
      if (isSelf && node.serf.state === 'alive') complain(`${node.name} published ${event.type} of itself`);
    },
    poll(cluster: SimCluster) {
      for (const node of cluster.running) {
        if (node.serf.state !== 'alive') continue;
        const { status } = node.swim.self;
        if (status !== 'alive') complain(`${node.name} holds itself for ${status}`);
        const own = node.serf.localMember().status;
        if (own !== 'alive') complain(`${node.name} lists itself as ${own}`);
      }
    },
  };
}

/** A member that failed is not heard of as left before it was: whoever said it leaves is never reported failed. */
export function leaverCheck(complain: Complain): Check {
  const leaving = new Map<SimNode, Set<string>>();
  return {
    started: (node) => void leaving.delete(node),
    poll(cluster: SimCluster) {
      for (const node of cluster.running) {
        leaving.set(
          node,
          new Set(node.members().flatMap(({ name, status }) => (status === 'left' ? [name] : []))),
        );
      }
    },
    published(node, event) {
      if (!('members' in event)) return;
      const known = leaving.get(node);
      for (const { name } of event.members) {
        if (event.type === 'member-join') known?.delete(name);
        if (event.type === 'member-failed' && known?.has(name) === true) {
          complain(`${node.name} published member-failed of ${name}, which had left`);
        }
      }
    },
  };
}

function standingOf(status: MemberStatus): Standing {
  switch (status) {
    case 'alive':
    case 'leaving':
      return 'present';
    case 'none':
      return 'unknown';
    default:
      return status;
  }
}

function tagText(tags: ReadonlyMap<string, string>): string {
  return [...tags]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}
