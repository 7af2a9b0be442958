/** First levels of topics that are the engine's, now or later. */
export const ENGINE_PREFIXES = ['runs', 'agents', 'approvals', 'workflows', 'baton'] as const;

export const MAX_TOPIC_CHARS = 200;
export const MAX_TOPIC_LEVELS = 16;
/** Of one reader. */
export const MAX_PATTERNS = 32;

const LEVEL = /^[A-Za-z0-9_~-]+$/;
const LEVEL_RULE = 'a level is letters, digits, "_", "-" and "~"';

/** Why a program may not publish under this topic; `undefined`: it may. */
export function topicProblem(topic: string): string | undefined {
  const levels = topic.split('.');
  const problem = shapeProblem(topic, levels) ?? levels.map(levelProblem).find(isPresent);
  if (problem !== undefined) return problem;
  const [first = ''] = levels;
  return (ENGINE_PREFIXES as readonly string[]).includes(first)
    ? `topics that begin with "${first}." are the engine's own (as are ${ENGINE_PREFIXES.join(', ')}): begin with another word`
    : undefined;
}

/** Why this is no pattern; `undefined`: it is one. */
export function patternProblem(pattern: string): string | undefined {
  const levels = pattern.split('.');
  const shape = shapeProblem(pattern, levels);
  if (shape !== undefined) return shape;
  for (const [at, level] of levels.entries()) {
    if (level === '*') continue;
    if (level !== '>') {
      const problem = levelProblem(level);
      if (problem !== undefined) return problem;
    } else if (at < levels.length - 1) return '">" stands for all further levels: it comes last';
  }
  return undefined;
}

/**
 * `*` stands for one level, `>` at the end for one or more (as in NATS, https://docs.nats.io/nats-concepts/subjects).
 * Unlike there a `*` at the end also stands for one or more, so that `runs.*` is what it looks like: all of the runs.
 */
export type TopicMatcher = (topic: string) => boolean;

/** Matches topics that fit one of the patterns, each of which is a pattern by `patternProblem`. */
export function compilePatterns(patterns: readonly string[]): TopicMatcher {
  const compiled = patterns.map(compile);
  return (topic) => compiled.some((matches) => matches(topic));
}

/** Whether topics with this first level can fit the pattern. */
export function mayBeginWith(pattern: string, level: string): boolean {
  const [first] = pattern.split('.');
  return first === '*' || first === '>' || first === level;
}

function compile(pattern: string): TopicMatcher {
  const levels = pattern.split('.');
  const last = levels.at(-1);
  const hasRest = last === '*' || last === '>';
  const fixed = hasRest ? levels.slice(0, -1) : levels;
  if (fixed.length === 0) return () => true;
  if (!fixed.includes('*')) {
    const prefix = `${fixed.join('.')}.`;
    return hasRest
      ? (topic) => topic.length > prefix.length && topic.startsWith(prefix)
      : (topic) => topic === pattern;
  }
  return (topic) => {
    const found = topic.split('.');
    if (hasRest ? found.length <= fixed.length : found.length !== fixed.length) return false;
    return fixed.every((level, at) => level === '*' || level === found[at]);
  };
}

function shapeProblem(name: string, levels: readonly string[]): string | undefined {
  if (name.length > MAX_TOPIC_CHARS) return `is longer than ${MAX_TOPIC_CHARS} characters`;
  if (levels.length > MAX_TOPIC_LEVELS) return `has more than ${MAX_TOPIC_LEVELS} levels`;
  return undefined;
}

function levelProblem(level: string): string | undefined {
  if (level === '') return 'has an empty level: words stand between single dots';
  return LEVEL.test(level) ? undefined : `"${level.slice(0, 40)}" cannot be a level: ${LEVEL_RULE}`;
}

function isPresent(problem: string | undefined): problem is string {
  return problem !== undefined;
}
