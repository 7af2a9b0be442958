import type { Json } from '../../domain/json.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type {
  Claimed,
  ClaimedTask,
  EngineWork,
  Lease,
  WorkSource,
} from '../../ports/work-source.ts';
import type { RedisSession } from './redis-session.ts';
import { ReplyReader } from './reply.ts';
import type { Candidate, TenantTurns } from './tenant-turns.ts';

interface ClaimRequest {
  readonly owner: string;
  readonly limit: number;
  readonly leaseDurationMs: number;
}

/** Work and its age: what is oldest first over all shards. */
interface Aged<Work> {
  readonly age: number;
  readonly work: Work;
}

type ReadOne<Work> = (reader: ReplyReader, owner: string) => Aged<Work>;

interface Answer<Work> {
  readonly nextDueAtMs: number | undefined;
  readonly found: readonly Aged<Work>[];
}

export async function claimTasks(
  session: RedisSession,
  turns: TenantTurns,
  request: Parameters<WorkSource['claimTasks']>[0],
): Promise<Claimed<ClaimedTask>> {
  if (request.queues.length === 0) return { work: [] };
  const queues = [...new Set(request.queues)];
  const choose: Choose = (candidates, limit) => turns.next(candidates, limit);
  const claimed = await claim(session, 'claim_tasks', request, queues, readTask, choose);
  if (session.shardCount > 1) turns.served(claimed.work.map(({ lease }) => lease.key.tenant));
  return claimed;
}

export function claimEngineWork(
  session: RedisSession,
  request: ClaimRequest,
): Promise<Claimed<EngineWork>> {
  return claim(session, 'claim_engine_work', request, [], readEngineWork, oldest);
}

/** Which of the candidates of all shards are to be claimed. */
type Choose = (candidates: readonly Candidate[], limit: number) => readonly Candidate[];

const oldest: Choose = (candidates, limit) =>
  [...candidates].sort((a, b) => a.age - b.age).slice(0, limit);

/** One shard is asked at once; of several it is first found out where the oldest are. */
async function claim<Work>(
  session: RedisSession,
  operation: string,
  request: ClaimRequest,
  more: readonly string[],
  readOne: ReadOne<Work>,
  choose: Choose,
): Promise<Claimed<Work>> {
  const take = async (shard: number, limit: number): Promise<Answer<Work>> => {
    const { owner, leaseDurationMs } = request;
    const args = [session.now, 'take', owner, String(limit), String(leaseDurationMs), ...more];
    const reader = new ReplyReader(await session.call(operation, shard, args));
    const nextDueAtMs = reader.optionalInteger();
    const found: Aged<Work>[] = [];
    while (!reader.isAtEnd) found.push(readOne(reader, owner));
    return { nextDueAtMs, found };
  };
  if (session.shardCount === 1) return merge([await take(0, request.limit)]);

  const looks = await lookEverywhere(session, operation, request, more);
  const chosen = choose(
    looks.flatMap(({ candidates }) => candidates),
    request.limit,
  );
  return merge(
    await Promise.all(
      looks.map(async ({ nextDueAtMs }, shard) => {
        // Others may be faster: then a shard gives its next ones.
        const share = chosen.filter((one) => one.shard === shard).length;
        return share > 0 ? take(shard, share) : { nextDueAtMs, found: [] };
      }),
    ),
  );
}

interface Look {
  readonly nextDueAtMs: number | undefined;
  readonly candidates: readonly Candidate[];
}

async function lookEverywhere(
  session: RedisSession,
  operation: string,
  { owner, limit }: ClaimRequest,
  more: readonly string[],
): Promise<readonly Look[]> {
  const args = [session.now, 'look', owner, String(limit), '0', ...more];
  return (await session.callAll(operation, args)).map((reply, shard) => {
    const reader = new ReplyReader(reply);
    const nextDueAtMs = reader.optionalInteger();
    const candidates: Candidate[] = [];
    while (!reader.isAtEnd)
      candidates.push({ shard, age: reader.integer(), tenant: reader.text() });
    return { nextDueAtMs, candidates };
  });
}

function merge<Work>(answers: readonly Answer<Work>[]): Claimed<Work> {
  const found = answers.flatMap((answer) => answer.found);
  if (answers.length > 1) found.sort((a, b) => a.age - b.age);
  const work = found.map((one) => one.work);
  const due = answers.map(({ nextDueAtMs }) => nextDueAtMs).filter((atMs) => atMs !== undefined);
  return due.length === 0 ? { work } : { work, nextDueAtMs: Math.min(...due) };
}

function readLease(reader: ReplyReader, item: Lease['item'], owner: string): Lease {
  const id = reader.text();
  const key = { tenant: reader.text(), runId: reader.text() };
  return { key, item, id, owner, fence: reader.integer(), expiresAtMs: reader.integer() };
}

function readTask(reader: ReplyReader, owner: string): Aged<ClaimedTask> {
  const age = reader.integer();
  const lease = readLease(reader, 'task', owner);
  const task = {
    slot: lease.id,
    attempt: reader.integer(),
    queue: reader.text(),
    delivery: reader.integer(),
    runVersion: reader.integer(),
  };
  const heartbeat = reader.optionalText();
  // Written by JSON.stringify of a Json.
  const resumed = heartbeat === undefined ? {} : { heartbeat: JSON.parse(heartbeat) as Json };
  return { age, work: { ...task, ...resumed, lease } };
}

function readEngineWork(reader: ReplyReader, owner: string): Aged<EngineWork> {
  const item = reader.text();
  const age = reader.integer();
  switch (item) {
    case 'timer': {
      const lease = readLease(reader, item, owner);
      return { age, work: { kind: 'timer', timerId: lease.id, dueAtMs: reader.integer(), lease } };
    }
    case 'task': {
      const lease = readLease(reader, item, owner);
      const attempt = reader.integer();
      return { age, work: { kind: 'recalled', slot: lease.id, attempt, lease } };
    }
    case 'message': {
      const lease = readLease(reader, item, owner);
      const target = { tenant: reader.text(), runId: reader.text() };
      // Written by JSON.stringify of a Json.
      const body = JSON.parse(reader.text()) as Json;
      return { age, work: { kind: 'message', messageId: lease.id, target, body, lease } };
    }
    default:
      throw new StoreUnavailableError(`Redis holds engine work of an unknown kind: ${item}`);
  }
}
