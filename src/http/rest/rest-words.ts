import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { REST_PATH, type Route } from './define-route.ts';

/** `undefined`: it speaks of what REST has not. */
export type Translate = (text: string) => string | undefined;

type Counterpart = readonly [route: string, args: JsonObject];

/** As long as await_workflow waits when it is not told. */
const WAIT_SECONDS = 20;

/** Tools whose operation has another name, or whose arguments have. Those of one name need no line. */
const COUNTERPARTS: Readonly<Record<string, (args: JsonObject) => Counterpart | undefined>> = {
  start_workflow: ({ workflow, ...args }) => [
    'start_workflow',
    { ...(workflow !== undefined && { type: workflow }), ...args },
  ],
  await_workflow: ({ run_id }) => [
    'get_workflow',
    { ...(run_id !== undefined && { run_id }), wait_seconds: WAIT_SECONDS },
  ],
  get_workflow: ({ step, ...args }) =>
    step === undefined ? ['get_workflow', args] : ['get_stage', { ...args, stage_id: step }],
  list_catalog: ({ kind = 'workflows' }) => {
    if (kind === 'agents') return ['list_agents', {}];
    return kind === 'workflows' ? ['list_definitions', {}] : undefined;
  },
  report_task: ({ action, ...args }) =>
    typeof action === 'string' ? [`${action}_task`, args] : undefined,
};

/** What people are told to type on the server's machine, with the run and what of it they answer. */
const COMMANDS: Readonly<Record<string, (run: string, item: string) => Counterpart>> = {
  inbox: () => ['list_inbox', {}],
  show: () => ['get_workflow', {}],
  explain: () => ['explain_workflow', {}],
  approve: (run_id, approval_id) => [
    'resolve_approval',
    { run_id, approval_id, resolution: 'chosen' },
  ],
  report: (run_id, stage_id) => ['answer_task', { run_id, stage_id, resolution: 'completed' }],
};

/** Where an operation shows less than the tool of its name, and where words are true of tools only. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\bget_workflow( \{[^{}]*\})? lists (its|the) steps/, 'list_stages$1 lists $2 steps'],
  [/\bget_workflow shows who\b/, 'explain_workflow shows who'],
  [/\bget_workflow shows what (became of the step|was recorded)/, 'list_stages shows what $1'],
  [/No tool answers it: a person runs (?="baton )/, 'A person answers it: '],
  [/A person runs (?="baton )/, 'A person answers it: '],
  [/\bidempotency_key\b/g, 'Idempotency-Key'],
];

/** Commands, then what others wrote (in quotes, left as it is), then names. */
const TOKENS = new RegExp(
  [
    String.raw`"baton (?<answer>approve|report) (?<run>\S+) (?<item>[^"\s]+)"`,
    String.raw`(?<quoted>"(?:[^"\\]|\\.)*")`,
    String.raw`\bbaton (?<command>inbox|show|explain)\b`,
    String.raw`\b(?<name>[a-z]+(?:_[a-z]+)+)\b`,
    String.raw`\bthis tool\b`,
  ].join('|'),
  'g',
);

/**
 * Says in operations of the table what the use cases say in tool calls (`name {json}`), names of tools and commands of the
 * command line; whatever stands in quotes stays as it is. A name that is neither stays too.
 */
export function createTranslate(routes: readonly Route[]): Translate {
  const byName = new Map(routes.map((route) => [route.name, route]));
  const operation = (counterpart: Counterpart | undefined): string | undefined => {
    const route = counterpart && byName.get(counterpart[0]);
    return route && requestText(route, counterpart[1]);
  };
  const called = (name: string, args: JsonObject): string | undefined =>
    operation(Object.hasOwn(COUNTERPARTS, name) ? COUNTERPARTS[name]?.(args) : [name, args]);
  const wordsFor = ({ command, answer, run = '', item = '' }: Groups): string | undefined => {
    const typed = answer ?? command;
    return typed === undefined ? 'this operation' : operation(COMMANDS[typed]?.(run, item));
  };
  return (given) => {
    const text = PHRASES.reduce((said, [from, to]) => said.replace(from, to), given);
    let told = '';
    let at = 0;
    for (const found of text.matchAll(TOKENS)) {
      const { quoted, name, ...groups }: Groups = found.groups ?? {};
      const isOther = name !== undefined && !Object.hasOwn(COUNTERPARTS, name) && !byName.has(name);
      if (found.index < at || quoted !== undefined || isOther) continue;
      const end = found.index + found[0].length;
      const args = name === undefined ? undefined : objectAt(text, end + 1);
      const said = name === undefined ? wordsFor(groups) : called(name, args?.value ?? {});
      if (said === undefined) return undefined;
      told += text.slice(at, found.index) + said;
      at = args === undefined ? end : end + 1 + args.length;
    }
    return told + text.slice(at);
  };
}

type Groups = Readonly<Record<string, string | undefined>>;

/** The JSON object that begins there; `undefined`: none does. */
function objectAt(text: string, start: number): { value: JsonObject; length: number } | undefined {
  if (text[start] !== '{' || text[start - 1] !== ' ') return undefined;
  for (let end = text.indexOf('}', start); end !== -1; end = text.indexOf('}', end + 1)) {
    const value = parsed(text.slice(start, end + 1));
    if (isJsonObject(value)) return { value, length: end + 1 - start };
  }
  return undefined;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json; // JSON holds nothing else
  } catch {
    return undefined;
  }
}

/** `POST /api/v1/workflows/{workflow_id}/signal {"name":"go"}`; what is not known yet stands in braces. */
function requestText(route: Route, { run_id, ...rest }: JsonObject): string {
  const args: JsonObject = { ...(run_id !== undefined && { workflow_id: run_id }), ...rest };
  const path = route.path.replaceAll(/\{(\w+)\}/g, (template, name: string) => {
    const value = args[name];
    return typeof value === 'string' ? encodeURIComponent(value) : template;
  });
  const of = (part: Route['body']): [string, Json][] =>
    Object.entries(args).filter(([name]) => Object.hasOwn(part.shape, name));
  const query = new URLSearchParams();
  for (const [name, value] of of(route.query))
    query.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  const body = of(route.body);
  return [
    `${route.method} ${REST_PATH}${path}${query.size > 0 ? `?${query.toString()}` : ''}`,
    ...(body.length > 0 ? [JSON.stringify(Object.fromEntries(body))] : []),
  ].join(' ');
}
