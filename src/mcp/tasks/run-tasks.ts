import {
  ProtocolError,
  ProtocolErrorCode,
  type CallToolResult,
  type InputRequests,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { AwaitedWorkflow } from '../../application/runs/await-workflow.ts';
import type { UseCaseError, UseCaseResult } from '../../application/use-case.ts';
import type { AskUser } from '../ask-user.ts';
import type { Tool, ToolContext } from '../define-tool.ts';
import { requestError } from '../protocol-errors.ts';
import type { Serving } from '../serving.ts';
import { toolResult } from '../tool-result.ts';
import { cursorFromStart, parseTaskId, type TaskId } from './task-id.ts';
import { taskState, type DetailedTask, type TaskState } from './task-view.ts';

export interface RunTasksOptions {
  readonly serving: Serving;
  /** Its answer is the result of a task. */
  readonly awaitTool: Tool;
  readonly askUser?: AskUser;
}

/** A task as one request finds it. */
export interface RunTask {
  readonly id: TaskId;
  readonly seen: AwaitedWorkflow;
  readonly context: ToolContext;
  readonly request: ServerContext;
}

/** Tasks as runs: what each says is read from its run, nothing is kept. */
export class RunTasks {
  readonly #options: RunTasksOptions;

  constructor(options: RunTasksOptions) {
    this.#options = options;
  }

  /** Throws for what is no task, or none of the caller's: both read the same. */
  async find(taskId: string, context: ToolContext, request: ServerContext): Promise<RunTask> {
    const id = parseTaskId(taskId);
    if (id === undefined) throw unknownTask(taskId);
    const seen = await this.#look(id, context);
    if (seen.ok) return { id, seen: seen.value, context, request };
    throw seen.error.code === 'unknown_run' ? unknownTask(taskId) : requestError(seen.error);
  }

  /** The task of a call that has just been made; `undefined` when its result is known already. */
  async begin(
    id: TaskId,
    serving: Serving,
    request: ServerContext,
  ): Promise<TaskState | undefined> {
    const context = serving.contextOf(request);
    const seen = await this.#look(id, context);
    if (!seen.ok) return undefined;
    const task = { id, seen: seen.value, context, request };
    const state = taskState(id, seen.value, await this.#questions(task));
    const isOpen = state.status === 'working' || state.status === 'input_required';
    return isOpen ? state : undefined;
  }

  async detail(task: RunTask): Promise<DetailedTask> {
    const inputRequests = await this.#questions(task);
    const state = taskState(task.id, task.seen, inputRequests);
    if (state.status === 'input_required') return { ...state, inputRequests };
    return state.status === 'completed' ? { ...state, result: await this.#result(task) } : state;
  }

  /** Answers to questions that are not open (any more) are left alone, as the specification says. */
  async update({ id, context, request }: RunTask): Promise<object> {
    const responses = request.mcpReq.inputResponses ?? {};
    await this.#options.askUser?.answer(context, id.runId, responses);
    return {};
  }

  /** Cancels a run that its own task stands for. To wait no longer takes nothing, and a finished run stays as it is. */
  async cancel({ id, context, seen }: RunTask): Promise<object> {
    if (id.kind === 'await' || seen.finished) return {};
    const { application, offers } = this.#options.serving;
    if (!offers('cancel_workflow')) throw requestError(NOT_OFFERED);
    const reason = 'its task was cancelled';
    const sent = await application.cancelWorkflow(context, { run_id: id.runId, reason });
    if (sent.ok) return {};
    // It may have finished just now.
    const now = await this.#look(id, context);
    if (now.ok && now.value.finished) return {};
    throw requestError(sent.error);
  }

  #look(id: TaskId, context: ToolContext): Promise<UseCaseResult<AwaitedWorkflow>> {
    const cursor = cursorFromStart(id);
    return this.#options.serving.application.awaitWorkflow(context, {
      run_id: id.runId,
      wait_seconds: 0,
      ...(cursor !== undefined && { cursor }),
    });
  }

  async #questions({ id, context, request, seen }: RunTask): Promise<InputRequests> {
    const { askUser } = this.#options;
    if (seen.finished || askUser === undefined) return {};
    return askUser.questions(context, id.runId, request);
  }

  async #result({ id, context }: RunTask): Promise<CallToolResult> {
    const { awaitTool, serving } = this.#options;
    const cursor = id.kind === 'await' ? id.cursor : undefined;
    const args = { run_id: id.runId, wait_seconds: 0, ...(cursor !== undefined && { cursor }) };
    return toolResult(await awaitTool.call(serving.application, context, args));
  }
}

function unknownTask(taskId: string): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `unknown_task: there is no task "${taskId.slice(0, 100)}". Nothing was changed. Next: list_workflows shows the runs there are.`,
  );
}

const NOT_OFFERED: UseCaseError = {
  code: 'tool_not_available',
  message: 'Cancelling a run is not offered here: the server changes nothing, or the key may not.',
  changed: 'nothing',
  next: 'Stop asking for the task; the run goes on.',
};
