import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';

/** How the tools that answers name are said on the command line. */
const COMMANDS: Readonly<Record<string, (args: JsonObject) => string>> = {
  start_workflow: ({ workflow, input }) =>
    `baton run ${word(workflow, 'NAME')}${option('input', input)}`,
  get_workflow: ({ run_id, step }) => `baton show ${word(run_id)}${option('step', step)}`,
  await_workflow: ({ run_id }) => `baton watch ${word(run_id)}`,
  explain_workflow: ({ run_id }) => `baton explain ${word(run_id)}`,
  get_workflow_history: ({ run_id }) => `baton history ${word(run_id)}`,
  cancel_workflow: ({ run_id }) => `baton cancel ${word(run_id)}`,
  pause_workflow: ({ run_id }) => `baton pause ${word(run_id)}`,
  resume_workflow: ({ run_id }) => `baton resume ${word(run_id)}`,
  signal_workflow: ({ run_id, name, payload, step_id, resolution }) =>
    step_id === undefined
      ? `baton signal ${word(run_id)} ${word(name, 'NAME')}${option('payload', payload)}`
      : `baton signal ${word(run_id)}${option('step', step_id)}${option('resolve', resolution)}`,
  list_workflows: () => 'baton list',
  list_catalog: ({ kind }) =>
    kind === 'checkpoints' ? 'baton checkpoints' : 'baton list --definitions',
  register_workflow: () => 'baton register FILE',
  get_health: () => 'baton doctor',
  claim_task: (args) =>
    args.agent_id === undefined
      ? 'claim_task'
      : `an agent calls claim_task ${JSON.stringify(args)}`,
};

const NAMES = Object.keys(COMMANDS).join('|');
const CALL = new RegExp(`\\b(${NAMES})\\b(?: (\\{.*?\\})(?=[\\s.,;:)]|$))?`, 'g');

/** Texts of the use cases name tools; a person at a terminal needs commands. */
export function asCommand(text: string): string {
  return text
    .replaceAll(CALL, (call: string, name: string, args: string | undefined) =>
      commandOf(call, name, args),
    )
    .replaceAll('idempotency_key', '--idempotency-key')
    .replaceAll(/\bdry_run\b/g, '--dry-run')
    .replaceAll(/\bcall again\b/g, 'try again');
}

function commandOf(call: string, name: string, args: string | undefined): string {
  const parsed = args === undefined ? {} : parse(args);
  return parsed === undefined ? call : (COMMANDS[name]?.(parsed) ?? call);
}

function parse(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json; // JSON.parse answers JSON
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A word of a shell's command line. */
export function word(value: Json | undefined, placeholder = 'RUN'): string {
  if (value === undefined) return placeholder;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w@./:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function option(name: string, value: Json | undefined): string {
  const isEmpty = isJsonObject(value) && Object.keys(value).length === 0;
  return value === undefined || isEmpty ? '' : ` --${name} ${word(value)}`;
}
