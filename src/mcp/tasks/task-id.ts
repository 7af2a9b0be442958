/**
 * What a task's id says; nothing is stored for it. A `start` task is the run itself; an `await` task is a wait for what is
 * new since a cursor, so that giving it up leaves the run alone.
 */
export type TaskId =
  | { readonly kind: 'start'; readonly runId: string }
  | { readonly kind: 'await'; readonly runId: string; readonly cursor: string | undefined };

/** The parts of a cursor of `await_workflow` that say what its answer told. */
const CURSOR = /^(\d{1,9}\.[0-9a-z]{1,16})\./;
const TASK_ID = /^(start|await)\.([\w-]{1,200})(?:\.(\d{1,9}\.[0-9a-z]{1,16}))?$/;

/** As unguessable as the id of the run, which stands in it. */
export function formatTaskId(id: TaskId): string {
  const seen = id.kind === 'await' ? CURSOR.exec(id.cursor ?? '')?.[1] : undefined;
  return [id.kind, id.runId, ...(seen === undefined ? [] : [seen])].join('.');
}

export function parseTaskId(text: string): TaskId | undefined {
  const [, kind, runId, seen] = TASK_ID.exec(text) ?? [];
  if (runId === undefined) return undefined;
  return kind === 'start'
    ? { kind, runId }
    : { kind: 'await', runId, cursor: seen === undefined ? undefined : `${seen}.task` };
}

/** For a look at the whole run that knows what its task's client has been told needs somebody. */
export function cursorFromStart(id: TaskId): string | undefined {
  return id.kind === 'await' ? id.cursor?.replace(/^\d+/, '0') : undefined;
}
