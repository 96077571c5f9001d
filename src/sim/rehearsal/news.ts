import type { Millis } from '../../base/machine.ts';

/** Something that happened to a member, and how the others learned of it. */
export interface News {
  readonly kind: 'death' | 'leave' | 'join';
  readonly name: string;
  readonly at: Millis;
  /** When the first other node knew; undefined when nobody did. */
  first: Millis | undefined;
  /** When every running node knew; undefined when that never came to be, or none was left to know. */
  all: Millis | undefined;
  /** How long after `at` each node knew that learned it while running, in that order. */
  readonly learned: Millis[];
}

/** Follows deaths, leaves and joins by member until something else happens to the member. */
export class NewsDesk {
  readonly all: News[] = [];
  readonly #open = new Map<number, News>();

  /** A member has died, left or joined. */
  begin(kind: News['kind'], member: number, name: string, at: Millis): void {
    const news: News = { kind, name, at, first: undefined, all: undefined, learned: [] };
    this.all.push(news);
    this.#open.set(member, news);
  }

  /** What happened to this member is no longer to be followed. */
  end(member: number): void {
    this.#open.delete(member);
  }

  /** A node has changed its mind about a member. `about` is what it believes now. */
  learned(member: number, alive: boolean, now: Millis): void {
    const news = this.#open.get(member);
    if (news === undefined || alive !== (news.kind === 'join')) return;
    news.first ??= now;
    news.learned.push(now - news.at);
  }

  /** The number of running believers in a member is now this, of so many running. */
  spread(member: number, believers: number, running: number, now: Millis): void {
    const news = this.#open.get(member);
    if (news === undefined || news.all !== undefined || running === 0) return;
    if (believers === (news.kind === 'join' ? running : 0)) news.all = now;
  }
}
