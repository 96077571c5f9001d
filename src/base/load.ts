/** How full a queue or table is. Nothing in a node grows beyond its named limit. */
export interface Load {
  readonly what: string;
  readonly size: number;
  readonly limit: number;
}
