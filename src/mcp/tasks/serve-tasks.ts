import type { CallToolResult, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { AskUser, AskingCall } from '../ask-user.ts';
import { answering, type Serving } from '../serving.ts';
import type { ToolRegistry } from '../tool-registry.ts';
import { declaresTasks, missingTasksExtension, TASKS_EXTENSION } from './client-extension.ts';
import { RunTasks, type RunTask } from './run-tasks.ts';
import type { TaskId } from './task-id.ts';
import type { TaskState } from './task-view.ts';

/** The tools whose calls may be tasks. */
const START = 'start_workflow';
const AWAIT = 'await_workflow';

const paramsSchema = z.object({ taskId: z.string() });
const runSchema = z.object({ run_id: z.string() });

export interface Tasks {
  /** Whether a call of this tool may be answered by a task: its client says that it reads them. */
  augments(call: AskingCall): boolean;
  /**
   * Answers what the call would, if that is known at once; else a task, which exists as long as its run does. `run` calls
   * the tool with other arguments.
   */
  call(
    call: AskingCall,
    run: (args: unknown) => Promise<CallToolResult>,
  ): Promise<CallToolResult | CreateTaskResult>;
}

/** In place of a tool's result. The type leaves room for what the SDK expects of one. */
type CreateTaskResult = CallToolResult & TaskState & { readonly resultType: 'task' };

/**
 * The extension `io.modelcontextprotocol/tasks` (SEP-2663) for calls that wait for a run: `tasks/get`, `tasks/update` and
 * `tasks/cancel`. The id of a task names its run and what was known of it; its state is that of the run, so any process of
 * the store answers for it, also after a restart, and who may not read the run is told that there is no such task. Not
 * served: notices of tasks over `subscriptions/listen`, which the SDK's router does not know.
 */
export function serveTasks(
  { server }: McpServer,
  serving: Serving,
  { tools, askUser }: { readonly tools: ToolRegistry; readonly askUser?: AskUser },
): Tasks | undefined {
  const awaitTool = tools.find(AWAIT);
  // A task is read as its run is.
  if (awaitTool === undefined) return undefined;
  server.registerCapabilities({ extensions: { [TASKS_EXTENSION]: {} } });
  const tasks = new RunTasks({ serving, awaitTool, ...(askUser && { askUser }) });
  const handle = (method: string, body: (task: RunTask) => Promise<object>): void => {
    server.setRequestHandler(method, { params: paramsSchema }, ({ taskId }, request) =>
      answering(serving, method, request, async (context) => {
        if (!declaresTasks(request.mcpReq.envelope)) throw missingTasksExtension();
        return { ...(await body(await tasks.find(taskId, context, request))) };
      }),
    );
  };
  handle('tasks/get', (task) => tasks.detail(task));
  handle('tasks/update', (task) => tasks.update(task));
  handle('tasks/cancel', (task) => tasks.cancel(task));
  return {
    augments: ({ name, request }) =>
      (name === START || name === AWAIT) &&
      tools.find(name) !== undefined &&
      declaresTasks(request.mcpReq.envelope),
    call: (call, run) => callAsTask(call, run, { tasks, serving }),
  };
}

async function callAsTask(
  { name, args, request }: AskingCall,
  run: (args: unknown) => Promise<CallToolResult>,
  { tasks, serving }: { readonly tasks: RunTasks; readonly serving: Serving },
): Promise<CallToolResult | CreateTaskResult> {
  const given = objectOf(args);
  const result = await run({ ...given, wait_seconds: 0 });
  const started = runSchema.safeParse(result.structuredContent).data;
  if (result.isError === true || started === undefined) return result;
  const state = await tasks.begin(idOf(name, started.run_id, given), serving, request);
  return state === undefined ? result : { content: [], ...state, resultType: 'task' };
}

function idOf(name: string, runId: string, args: Readonly<Record<string, unknown>>): TaskId {
  if (name === START) return { kind: 'start', runId };
  const { cursor } = args;
  return { kind: 'await', runId, cursor: typeof cursor === 'string' ? cursor : undefined };
}

function objectOf(args: unknown): Readonly<Record<string, unknown>> {
  return typeof args === 'object' && args !== null ? { ...args } : {};
}
