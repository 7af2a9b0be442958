import type { Command } from '../../domain/commands.ts';
import type { Breakers } from '../../ports/breakers.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { Logger } from '../../ports/logger.ts';
import type { StepHandler } from '../../ports/step-handler.ts';
import type { Store } from '../../ports/store.ts';
import type { ClaimedTask } from '../../ports/work-source.ts';
import type { AttemptGuard } from './attempt-guard.ts';
import type { AttemptWatch } from './attempt-watch.ts';
import type { ExecuteCommand, Outcome } from '../commands/execute-command.ts';
import type { RunCache } from '../commands/run-cache.ts';

/** Of who claims tasks and reports them: a worker, or an agent from outside. */
export interface ReportPorts {
  readonly store: Store;
  readonly execute: ExecuteCommand;
  readonly runs: RunCache;
  readonly clock: Clock;
  /** Holds the leases. */
  readonly owner: string;
  /** Stands in the events. */
  readonly actor: string;
  readonly leaseDurationMs: number;
  readonly canContinue: (queue: string) => boolean;
}

export interface TaskPorts extends ReportPorts {
  readonly ids: IdSource;
  readonly logger: Logger;
  /** By step kind. */
  readonly handlers: ReadonlyMap<string, StepHandler>;
  /** Of what steps talk to. Default: none, and every attempt runs. */
  readonly breakers?: Breakers;
  readonly watch: AttemptWatch;
}

export function attemptOf(task: ClaimedTask): { step: string; attempt: number } {
  return { step: task.slot, attempt: task.attempt };
}

/** Sends what became of a task, and keeps at it while the store is away. */
export class TaskReport {
  readonly #ports: ReportPorts;
  readonly #task: ClaimedTask;

  constructor(ports: ReportPorts, task: ClaimedTask) {
    this.#ports = ports;
    this.#task = task;
  }

  /** The id of a completion names slot and attempt: whoever reports it first is recorded, once. */
  async send(command: Command, guard?: AttemptGuard): Promise<ClaimedTask | undefined> {
    const { slot, attempt } = this.#task;
    const isResult = command.type === 'CompleteStep' || command.type === 'FailStep';
    const fence = this.#task.lease.fence;
    const commandId = isResult
      ? `report:${slot}#${attempt}`
      : `${command.type}:${slot}#${attempt}@${fence}`;
    for (;;) {
      const outcome = await this.#execute(command, commandId, guard);
      if (outcome.kind === 'committed') return outcome.next;
      if (outcome.kind !== 'unavailable') return this.#drop(outcome);
      // The lease decides how long it is worth trying, as renewals go on meanwhile; a process that ends tries once.
      if (guard === undefined || guard.isLetGo) return undefined;
    }
  }

  #execute(command: Command, commandId: string, guard?: AttemptGuard): Promise<Outcome> {
    const { lease, slot, attempt } = this.#task;
    return this.#ports.execute(lease.key, {
      command,
      commandId,
      actor: this.#ports.actor,
      causationId: `task:${slot}#${attempt}`,
      acknowledge: guard?.lease ?? lease,
      canContinue: this.#ports.canContinue,
    });
  }

  /** The run has moved on, or recorded this before: nobody wants the task any more. */
  async #drop({ kind }: Outcome): Promise<undefined> {
    if (kind !== 'leaseLost') await this.#ports.store.discard(this.#task.lease);
    return undefined;
  }
}
