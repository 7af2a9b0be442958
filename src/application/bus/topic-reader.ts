import type { RunEvent } from '../../domain/events.ts';
import type { Json } from '../../domain/json.ts';
import type { Plan } from '../../domain/plan.ts';
import { compilePatterns, ENGINE_PREFIXES, mayBeginWith } from '../../domain/topic-pattern.ts';
import { hasTopicsOfPlan, topicsOf } from '../../domain/topics.ts';
import { readEvent } from '../../domain/upcast.ts';
import type { FeedItem } from '../../ports/message-bus.ts';
import type { RunKey } from '../../ports/run-store.ts';
import { createLeastRecentlyUsed } from '../commands/least-recently-used.ts';
import type { ApplicationPorts } from '../use-case.ts';

/** Runs whose definition is remembered while their events are read. */
const MAX_KNOWN_RUNS = 4_096;

/** What a reader of topics is given. */
export interface TopicMessage {
  /** The same at every delivery: who handles messages once remembers it. */
  readonly id: string;
  /** The first of its topics that the reader asked for. */
  readonly topic: string;
  /** Acknowledged or given again, everything up to this message is done with. */
  readonly cursor: string;
  readonly occurredAtMs: number;
  /** What was published; of the engine the event, as its history has it. */
  readonly body: Json;
  /** The body again, where it is the engine's. */
  readonly event?: RunEvent;
}

export interface TopicPage {
  /** In order within a run and within a topic. */
  readonly messages: readonly TopicMessage[];
  /** Goes on after all that was looked at. */
  readonly cursor: string;
  readonly hasMore: boolean;
  /** Messages after the given cursor are gone: the reader was slower than the store keeps them. */
  readonly gap: boolean;
}

export interface TopicReader {
  /** At most `limit` feed items are looked at: a page may be empty and have more behind it. */
  read(limit: number, after?: string): Promise<TopicPage>;
}

/** Reads the messages of a tenant that fit one of the patterns. Throws as `MessageBus.readFeed` and `readEvent` do. */
export function createTopicReader(
  { store, plans }: Pick<ApplicationPorts, 'store' | 'plans'>,
  tenant: string,
  patterns: readonly string[],
): TopicReader {
  const matches = compilePatterns(patterns);
  const only = wantedKind(patterns);
  const wantsAgents = patterns.some((pattern) => mayBeginWith(pattern, 'agents'));
  const planOf = createPlanFinder({ store, plans }, tenant);

  const engineMessage = async (
    item: Extract<FeedItem, { kind: 'event' }>,
  ): Promise<TopicMessage | undefined> => {
    const event = readEvent(item.text);
    const { runId } = item.key;
    const plan = wantsAgents && hasTopicsOfPlan(event.body) ? await planOf(item.key) : undefined;
    const topic = topicsOf(runId, event.body, plan).find(matches);
    return topic === undefined ? undefined : eventMessage(item, topic, event);
  };

  return {
    read: async (limit, after) => {
      const page = await store.readFeed({
        tenant,
        limit,
        ...(after !== undefined && { after }),
        ...(only !== undefined && { only }),
      });
      const messages: TopicMessage[] = [];
      for (const item of page.items) {
        if (item.kind === 'event') {
          const message = await engineMessage(item);
          if (message !== undefined) messages.push(message);
        } else if (matches(item.topic)) {
          const { id, topic, cursor, publishedAtMs: occurredAtMs, body } = item;
          messages.push({ id, topic, cursor, occurredAtMs, body });
        }
      }
      return { ...page, messages };
    },
  };
}

/** The run's definition stands in its first event. `undefined`: the run is gone meanwhile. */
function createPlanFinder(
  { store, plans }: Pick<ApplicationPorts, 'store' | 'plans'>,
  tenant: string,
): (key: RunKey) => Promise<Plan | undefined> {
  const hashes = createLeastRecentlyUsed<string>(MAX_KNOWN_RUNS);
  const findHash = async (key: RunKey): Promise<string | undefined> => {
    const [first] = await store.readHistory(key, 1, 1);
    const body = first === undefined ? undefined : readEvent(first).body;
    return body?.type === 'WorkflowStarted' ? body.definitionHash : undefined;
  };
  return async (key) => {
    const hash = hashes.get(key.runId) ?? (await findHash(key));
    if (hash === undefined) return undefined;
    hashes.set(key.runId, hash);
    return plans.get(tenant, hash);
  };
}

function eventMessage(
  { key: { runId }, sequence, cursor }: Extract<FeedItem, { kind: 'event' }>,
  topic: string,
  event: RunEvent,
): TopicMessage {
  const { occurredAtMs } = event;
  // Read from JSON text, so that it holds nothing else.
  const body = { run_id: runId, ...event } as unknown as Json;
  return { id: `${runId}#${sequence}`, topic, cursor, occurredAtMs, body, event };
}

/** The other kind is not even read where no pattern can fit it. */
function wantedKind(patterns: readonly string[]): FeedItem['kind'] | undefined {
  const isEngine = (pattern: string): boolean =>
    ENGINE_PREFIXES.some((prefix) => mayBeginWith(pattern, prefix));
  const isOnlyEngine = (pattern: string): boolean =>
    ENGINE_PREFIXES.some((prefix) => pattern.startsWith(`${prefix}.`));
  if (patterns.every(isOnlyEngine)) return 'event';
  return patterns.some(isEngine) ? undefined : 'message';
}
