import type { RedisClient } from './redis-client.ts';
import type { Reply } from './reply.ts';

/** Sends one command and answers its reply. Rejects with StoreUnavailableError, or with what Redis answered. */
export type Send = (name: string, args: (string | Buffer)[], isBinary?: boolean) => Promise<Reply>;

/** The servers that hold the shards: one, or the primaries of a Cluster. */
export interface RedisNodes {
  /** To the server of the shard; the keys of the command belong to it. */
  send(shard: number, name: string, args: (string | Buffer)[], isBinary?: boolean): Promise<Reply>;
  /** A way to each server there is now. */
  each(): readonly Send[];
  /** Shards whose keys may stand in one command. */
  groups(shardCount: number): readonly (readonly number[])[];
  /** A connection of its own to the server of the shard, for blocking reads. */
  connect(shard: number): Promise<RedisClient>;
  /** The listener is called when another server answers than before, before anything is sent to it. */
  onReplaced(listener: () => void): void;
  close(): void;
}
