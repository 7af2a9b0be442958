import type { TopicMessage } from '../../../application/bus/topic-reader.ts';
import { eventBodySchema } from '../../../domain/events.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { snakeCase } from '../../../domain/topics.ts';

const TYPES = eventBodySchema.options.map(({ shape }) => shape.type.value);

/** Either way of writing a type. */
export const EVENT_TYPES = [...TYPES, ...TYPES.map(snakeCase)];

export interface EventFilter {
  readonly runs: readonly string[];
  /** As `StepCompleted` or `step_completed`. */
  readonly types: readonly string[];
  readonly topics: readonly string[];
}

export interface EventSelection {
  /** What is read. */
  readonly patterns: readonly string[];
  /** Which of it the caller wants. */
  readonly wants: (message: TopicMessage) => boolean;
}

/** What fits one of each kind that was named: runs, types, topics. */
export function selectEvents({ runs, types, topics }: EventFilter): EventSelection {
  const names = new Set(types.map(snakeCase));
  const wanted = new Set(runs);
  return {
    patterns: topics.length > 0 ? topics : patternsOf(runs, [...names]),
    wants: ({ event, body }) => {
      if (wanted.size === 0 && names.size === 0) return true;
      if (event === undefined || !isJsonObject(body)) return false;
      const { run_id: run } = body;
      const isRun = wanted.size === 0 || (typeof run === 'string' && wanted.has(run));
      return isRun && (names.size === 0 || names.has(snakeCase(event.body.type)));
    },
  };
}

/** The store is asked for no more than what is wanted: events of runs have topics of their own. */
function patternsOf(runs: readonly string[], types: readonly string[]): string[] {
  if (runs.length === 0 && types.length === 0) return ['>'];
  // One level is a run: a type of any run is looked for among all of them.
  if (runs.length === 0) return types.map((type) => `runs.*.${type}`);
  return runs.map((run) => `runs.${run}.>`);
}
