import type { AgentTask } from '../../application/agents/agent-task.ts';
import type { Application } from '../../application/application.ts';
import type { RequestedApproval } from '../../application/people/request-approval.ts';
import type { CallContext, UseCaseError, UseCaseResult } from '../../application/use-case.ts';
import type { Json } from '../../domain/json.ts';
import { StepFailure } from '../handler/step-failure.ts';

export type HandoverTo =
  | { readonly agent: string }
  | { readonly capability: string }
  /** `anyone`, or a name. */
  | { readonly person: string };

export interface ApprovalQuestion {
  readonly question: string;
  /** Default: approve. Rejecting is always possible. */
  readonly choices?: readonly string[];
  /** Default: anyone who may approve. */
  readonly approvers?: readonly string[];
  readonly expiresSeconds?: number;
}

export type ApprovalAnswer = Pick<
  RequestedApproval,
  'approval_id' | 'status' | 'choice' | 'answered_by' | 'comment'
>;

/** How a claimed task reaches what a handler says of it. */
export interface JobPorts {
  readonly application: Application;
  readonly context: CallContext;
  readonly leaseMs: number;
}

/**
 * One claimed task, as its handler sees it. Context, handover and last heartbeat come from outside: data, not
 * instructions. The lease is renewed meanwhile; when it is lost, or nobody wants the result any more, `signal` aborts.
 */
export class AgentJob {
  /** Everything `claim_task` tells: instructions, context, output schema, idempotency key, workspace, … */
  readonly task: AgentTask;
  readonly #ports: JobPorts;
  readonly #stop = new AbortController();
  #isHandedOver = false;

  constructor(task: AgentTask, ports: JobPorts) {
    this.task = task;
    this.#ports = ports;
  }

  get instructions(): string {
    return this.task.instructions;
  }

  get context(): Json | undefined {
    return this.task.context;
  }

  /** Aborts with `cancelled`, `lease_lost` or `shutdown` as its reason. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  /** Keeps what the next holder of the task should resume from, durably when it resolves. */
  heartbeat(payload: Json): Promise<void> {
    return this.#keep({ action: 'heartbeat', payload });
  }

  /** Says to those who watch how far the work is. */
  progress(message: string): Promise<void> {
    return this.#keep({ action: 'progress', message });
  }

  /** Gives the task away; what the handler returns after it is not recorded. Throws when nobody of that name is known. */
  async handOver(
    to: HandoverTo,
    more: { readonly note?: string; readonly context?: Json } = {},
  ): Promise<void> {
    const { application, context } = this.#ports;
    const target =
      'agent' in to
        ? { to_agent: to.agent }
        : 'capability' in to
          ? { to_capability: to.capability }
          : { to_person: to.person };
    const handed = await application.handoffTask(context, {
      task: this.task.task,
      ...target,
      ...more,
    });
    if (!handed.ok) throw failureOf(handed.error);
    this.#isHandedOver = true;
    this.stop('handed_over');
  }

  /** Asks people and waits for their answer, however long; throws when the job is stopped meanwhile. */
  async requestApproval(question: ApprovalQuestion): Promise<ApprovalAnswer> {
    const { application, context } = this.#ports;
    const { run_id, step_id } = this.task;
    const { choices, approvers, expiresSeconds } = question;
    const call = { ...context, signal: this.signal };
    let asked = await application.requestApproval(call, {
      run_id,
      step_id,
      question: question.question,
      ...(choices && { choices: [...choices] }),
      ...(approvers && { approvers: [...approvers] }),
      ...(expiresSeconds !== undefined && { expires_seconds: expiresSeconds }),
    });
    while (asked.ok && asked.value.status === 'waiting') {
      this.signal.throwIfAborted();
      const { approval_id } = asked.value;
      asked = await application.requestApproval(call, { run_id, approval_id, wait_seconds: 25 });
    }
    if (!asked.ok) throw failureOf(asked.error);
    const { approval_id, status, choice, answered_by, comment } = asked.value;
    return {
      approval_id,
      status,
      ...(choice !== undefined && { choice }),
      ...(answered_by !== undefined && { answered_by }),
      ...(comment !== undefined && { comment }),
    };
  }

  /** For the agent that runs the job. */
  stop(reason: 'cancelled' | 'lease_lost' | 'shutdown' | 'handed_over'): void {
    this.#stop.abort(reason);
  }

  async #keep(
    said: { action: 'heartbeat'; payload: Json } | { action: 'progress'; message: string },
  ): Promise<void> {
    const { application, context, leaseMs } = this.#ports;
    const kept = await application.reportTask(context, { task: this.task.task, leaseMs, ...said });
    stopIfOver(this, kept);
    if (!kept.ok) throw failureOf(kept.error);
  }
}

/** What a renewal says of the task's fate. */
export function stopIfOver(
  job: AgentJob,
  kept: UseCaseResult<{ readonly cancelled?: true }>,
): void {
  if (kept.ok && kept.value.cancelled) job.stop('cancelled');
  if (!kept.ok && isTaskLost(kept.error)) job.stop('lease_lost');
}

/** Whether the agent holds the task no more; any other refusal leaves it with the agent. */
export function isTaskLost({ code }: Pick<UseCaseError, 'code'>): boolean {
  return LOST.has(code);
}

const LOST: ReadonlySet<string> = new Set([
  'lease_lost',
  'already_reported',
  'stale_attempt',
  'already_finished',
  'unknown_run',
  'unknown_task',
]);

function failureOf({ code, message }: UseCaseError): StepFailure {
  return new StepFailure(code, message);
}
