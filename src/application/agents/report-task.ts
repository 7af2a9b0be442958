import { z } from 'zod';
import type { Command } from '../../domain/commands.ts';
import type { Json } from '../../domain/json.ts';
import type { JsonSchemaValidator } from '../../domain/definition/json-schema.ts';
import { MAX_HEARTBEAT_CHARS, type OpenTask } from '../../ports/work-source.ts';
import { agentIdOf } from './agent-names.ts';
import { noteAgent } from './agent-registry.ts';
import { AGENT_LEASE_MS } from './agent-task.ts';
import { readAgentHeartbeat, writeAgentHeartbeat } from './agent-heartbeat.ts';
import type { ClaimOptions } from './claim-task.ts';
import {
  JsonText,
  digestOf,
  jsonOrTextSchema,
  jsonValueSchema,
  payloadProblem,
} from '../call-arguments.ts';
import {
  findHeldTask,
  leaseLost,
  refusedWhileHeld,
  reportedOr,
  type FoundTask,
} from './held-task.ts';
import { noteConduct } from './note-conduct.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { isoTime } from '../runs/step-view.ts';
import { toolCall } from '../tool-call.ts';
import type {
  ApplicationPorts,
  CallContext,
  UseCase,
  UseCaseError,
  UseCaseResult,
} from '../use-case.ts';

export const TASK_ACTIONS = ['heartbeat', 'progress', 'complete', 'fail', 'release'] as const;
export type TaskAction = (typeof TASK_ACTIONS)[number];

export const taskTokenSchema = z
  .string()
  .min(1)
  .max(1_000)
  .describe('As claim_task gave it, whole');

export const reportTaskInputSchema = z.object({
  task: taskTokenSchema,
  action: z.enum(TASK_ACTIONS),
  output: jsonOrTextSchema('complete: the result, as output_schema says').optional(),
  message: z.string().max(4_000).optional().describe('progress or fail: in words'),
  code: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/)
    .max(100)
    .optional()
    .describe('fail: error code, e.g. tests_red'),
  payload: jsonValueSchema('heartbeat: what the next holder should resume from').optional(),
});
export type ReportTaskInput = z.infer<typeof reportTaskInputSchema>;

/** With the output in the reading that counts. */
type ReadReport = Omit<ReportTaskInput, 'output'> & { readonly output?: Json };

export interface TaskReportAnswer {
  readonly run_id: string;
  readonly step_id: string;
  readonly action: TaskAction;
  /** The same report was recorded before; nothing was changed now. */
  readonly duplicate?: true;
  /** Nobody wants the work any more: stop, and report nothing further. */
  readonly cancelled?: true;
  /** Given back, but its effect may have begun and must not be repeated: somebody has to find out and decide. */
  readonly undecided?: true;
  /** While the task is still held. */
  readonly lease_expires_at?: string;
  readonly next: readonly string[];
}

/**
 * An agent's report on a task it holds, fenced: once the task is somebody else's it is refused. A completion that breaks
 * the contract is refused too, told place by place, and the task stays with the agent. A result is recorded once: the
 * same report again says so, another one is refused.
 */
export function createReportTask(
  ports: ApplicationPorts,
): UseCase<ReportTaskInput & ClaimOptions, TaskReportAnswer> {
  return (context, input) =>
    translatingErrors<TaskReportAnswer>('unknown', async () => {
      const found = await findHeldTask(ports, context, input.task);
      if (!found.ok) return found;
      const report = readReport(input, found.value);
      const checked = checkReport(report, found.value);
      if (!checked.ok) return refusedWhileHeld(ports, found.value, checked, input.leaseMs);
      const agent = { tenant: context.tenant, agentId: agentIdOf(found.value.lease.owner) };
      await noteAgent(ports, agent, {});
      const sent = await new Report(ports, context, report, found.value).send();
      if (sent.ok && !sent.value.duplicate)
        await noteConduct(ports, agent, { ...report, isCancelled: sent.value.cancelled === true });
      return sent;
    });
}

class Report {
  readonly #ports: ApplicationPorts;
  readonly #context: CallContext;
  readonly #input: ReadReport & ClaimOptions;
  readonly #task: FoundTask;
  /** As the store has it. */
  #open: OpenTask | undefined;

  constructor(
    ports: ApplicationPorts,
    context: CallContext,
    input: ReadReport & ClaimOptions,
    task: FoundTask,
  ) {
    this.#ports = ports;
    this.#context = context;
    this.#input = input;
    this.#task = task;
  }

  async send(): Promise<UseCaseResult<TaskReportAnswer>> {
    const { action, output, message, code } = this.#input;
    const { key, id } = this.#task.lease;
    this.#open = (await this.#ports.store.openWork(key)).tasks.find(({ slot }) => slot === id);
    switch (action) {
      case 'heartbeat':
      case 'progress':
        return this.#keep();
      case 'release':
        return this.#release();
      case 'complete':
        return this.#result({ type: 'CompleteStep', ...this.#performed(), output: output ?? null });
      case 'fail': {
        const error = { code: code ?? 'agent_failed', message: message ?? 'no reason was given' };
        const heartbeat = this.#open?.heartbeat ?? this.#task.record.heartbeat;
        return this.#result({
          type: 'FailStep',
          ...this.#performed(),
          error,
          ...(heartbeat !== undefined && { heartbeat }),
        });
      }
    }
  }

  /** Holds the task for another lease, and leaves what was said with it. */
  async #keep(): Promise<UseCaseResult<TaskReportAnswer>> {
    const { store } = this.#ports;
    const { lease, step } = this.#task;
    const heartbeat = this.#heartbeat();
    if (heartbeat !== undefined && JSON.stringify(heartbeat).length > MAX_HEARTBEAT_CHARS)
      return refusedWhileHeld(this.#ports, this.#task, tooLongToKeep(), this.#input.leaseMs);
    const renewed = await store.renew(
      lease,
      step.heartbeatMs ?? this.#input.leaseMs ?? AGENT_LEASE_MS,
      heartbeat,
    );
    if (renewed.kind === 'leaseLost') return failure(leaseLost(this.#task));
    if (renewed.cancelRequested) return this.#answer({ cancelled: true });
    return this.#answer({ lease_expires_at: isoTime(renewed.lease.expiresAtMs) });
  }

  /** What is said now over what was said before; what an earlier attempt or holder left counts until there is more. */
  #heartbeat(): Json | undefined {
    const { message: progress, payload } = this.#input;
    const left = readAgentHeartbeat(this.#task.record.heartbeat).payload;
    return writeAgentHeartbeat({
      ...(left !== undefined && { payload: left }),
      ...readAgentHeartbeat(this.#open?.heartbeat),
      ...(progress !== undefined && { progress }),
      ...(payload !== undefined && { payload }),
    });
  }

  /** Back in line for any agent; what a heartbeat left stays with it. */
  async #release(): Promise<UseCaseResult<TaskReportAnswer>> {
    const kept = await this.#keep();
    if (!kept.ok || kept.value.cancelled) return kept;
    if (this.#task.step.effect !== 'unsafe') {
      await this.#ports.store.release(this.#task.lease);
      return this.#answer({});
    }
    // Whether an effect that is not to be repeated was begun, only the agent could say: a person decides.
    return this.#result({ type: 'ReturnStep', ...this.#attempt() }, { undecided: true });
  }

  async #result(
    command: Command,
    told: Partial<TaskReportAnswer> = {},
  ): Promise<UseCaseResult<TaskReportAnswer>> {
    const { lease, attempt } = this.#task;
    const isResult = command.type !== 'ReturnStep';
    const outcome = await this.#ports.execute(lease.key, {
      command,
      commandId: isResult
        ? `report:${lease.id}#${attempt}`
        : `${command.type}:${lease.id}#${attempt}@${lease.fence}`,
      actor: lease.owner,
      causationId: this.#context.causationId,
      hasCaller: true,
      ...(this.#context.traceparent !== undefined && { traceparent: this.#context.traceparent }),
      ...(isResult && { digest: this.#digest() }),
      acknowledge: lease,
    });
    const reported = reportedOr(outcome, this.#task);
    if (!reported.ok) return reported;
    return this.#answer({ ...told, ...(reported.value.isRepetition && { duplicate: true }) });
  }

  /** Tells the same report sent twice from a second result. */
  #digest(): string {
    const { action, output = null, message = '', code = '' } = this.#input;
    return digestOf(action, JSON.stringify(output), ...(action === 'fail' ? [message, code] : []));
  }

  #attempt(): { step: string; attempt: number } {
    return { step: this.#task.lease.id, attempt: this.#task.attempt };
  }

  #performed() {
    const startedAtMs = this.#open?.lease?.claimedAtMs ?? this.#ports.clock.now();
    return { ...this.#attempt(), worker: this.#task.lease.owner, startedAtMs };
  }

  #answer(more: Partial<TaskReportAnswer>): UseCaseResult<TaskReportAnswer> {
    const { lease } = this.#task;
    const run_id = lease.key.runId;
    const { action } = this.#input;
    const isHeld = more.lease_expires_at !== undefined;
    const next = isHeld
      ? ['go on with the task']
      : [
          ...(more.undecided ? [toolCall('explain_workflow', { run_id })] : []),
          toolCall('claim_task', { agent_id: agentIdOf(lease.owner) }),
          toolCall('await_workflow', { run_id }),
        ];
    return { ok: true, value: { run_id, step_id: lease.id, action, ...more, next } };
  }
}

type Refusal = Extract<UseCaseResult<never>, { ok: false }>;

/** What can be refused without asking the store: nothing is lost by it, the agent still holds the task. */
function checkReport(input: ReadReport, { step }: FoundTask): UseCaseResult<undefined> {
  const { action, output = null, payload = null } = input;
  const problem = payloadProblem(payload, 'payload') ?? payloadProblem(output, 'output');
  if (problem) return refused(problem);
  if (action !== 'complete') return { ok: true, value: undefined };
  const violations = step.outputContract?.validate(output) ?? [];
  if (violations.length === 0) return { ok: true, value: undefined };
  return failure({
    code: 'contract_violation',
    message: `The output does not keep the contract of step "${step.id}"; nothing was recorded and the task is still yours.`,
    changed: 'nothing',
    next: 'Correct the named places and report the completion again.',
    violations,
  });
}

/** Text that holds JSON is taken for it, unless only the text itself keeps the step's contract. */
function readReport({ output, ...said }: ReportTaskInput & ClaimOptions, { step }: FoundTask) {
  if (output === undefined) return said;
  return { ...said, output: readOutput(output, step.outputContract) };
}

function readOutput(output: Json | JsonText, contract: JsonSchemaValidator | undefined): Json {
  if (!(output instanceof JsonText)) return output;
  const { text, value } = output;
  const fits = (read: Json): boolean =>
    payloadProblem(read, 'output') === undefined && contract?.validate(read).length === 0;
  return !fits(value) && fits(text) ? text : value;
}

function tooLongToKeep(): Refusal {
  return refused({
    code: 'payload_too_large',
    message: `payload: is longer than ${MAX_HEARTBEAT_CHARS} characters, together with the progress message`,
    next: 'Keep what is large in a file of the workspace and name it.',
  });
}

function refused(problem: Omit<UseCaseError, 'changed'>): Refusal {
  const message = `${problem.message}; the task is still yours.`;
  return failure({ ...problem, message, changed: 'nothing' });
}
