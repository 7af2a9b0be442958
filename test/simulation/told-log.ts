import type { UseCaseResult } from '../../src/application/use-case.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import { isJsonObject } from '../../src/domain/json.ts';
import type { RunFacts, Violation } from '../support/invariants.ts';

/** A request that leaves its mark, a word used nowhere else, in the one event that records it. */
export interface MarkedRequest<Value> {
  readonly mark: string;
  readonly what: string;
  readonly runId: string;
  /** Sent again it is the same request, which is applied once; else it would be a new one. */
  readonly isRepeatable: boolean;
  /** `undefined`: no answer came. */
  send(): Promise<UseCaseResult<Value> | undefined>;
}

type Answer = 'done' | 'refused' | 'open';

interface Entry {
  readonly request: MarkedRequest<unknown>;
  readonly answers: Answer[];
}

/** What agents and people asked for, and what they were told became of it. */
export class ToldLog {
  readonly #entries = new Map<string, Entry>();
  #marks = 0;

  newMark(): string {
    this.#marks += 1;
    return `m${this.#marks}`;
  }

  async send<Value>(request: MarkedRequest<Value>): Promise<UseCaseResult<Value> | undefined> {
    const entry = this.#entries.get(request.mark) ?? { request, answers: [] };
    this.#entries.set(request.mark, entry);
    const at = entry.answers.push('open') - 1;
    const result = await request.send();
    entry.answers[at] = answerOf(result);
    return result;
  }

  /** I10: the same request again settles what was left open. */
  async resolveOpen(): Promise<void> {
    for (const { request, answers } of [...this.#entries.values()])
      if (request.isRepeatable && answers.at(-1) === 'open') await this.send(request);
  }

  /** What was told done is recorded, once; what was refused is not. */
  check(runs: readonly RunFacts[]): Violation[] {
    const recorded = new Map<string, number>();
    for (const mark of runs.flatMap(({ events }) => events.map(markOf)))
      if (mark !== undefined) recorded.set(mark, (recorded.get(mark) ?? 0) + 1);
    return [...this.#entries.values()].flatMap(({ request, answers }) => {
      const complaint = complaintOf(request, answers, recorded.get(request.mark) ?? 0);
      const { runId, what, mark } = request;
      const message = `${what} ${mark} ${complaint ?? ''}`;
      return complaint === undefined ? [] : [{ invariant: 'I10', runId, message }];
    });
  }
}

function complaintOf(
  { isRepeatable }: MarkedRequest<unknown>,
  answers: readonly Answer[],
  count: number,
): string | undefined {
  if (count > 1) return `is recorded ${count} times`;
  if (answers.includes('done'))
    return count === 1 ? undefined : 'was told done, but is not recorded';
  if (!answers.includes('open')) return count === 0 ? undefined : 'was refused, but is recorded';
  const isOpen = isRepeatable && answers.at(-1) === 'open';
  return isOpen ? 'could not be resolved by repeating it' : undefined;
}

function answerOf(result: UseCaseResult<unknown> | undefined): Answer {
  if (result === undefined) return 'open';
  if (result.ok) return 'done';
  return result.error.changed === 'nothing' ? 'refused' : 'open';
}

/** The word that a recorded request left; other events only copy what it said. */
export function markOf({ body, commandId }: RunEvent): string | undefined {
  // A task that its agent was never told of goes back with what was handed over with it.
  if (commandId.startsWith('giveBack:')) return undefined;
  switch (body.type) {
    case 'StepCompleted': {
      const mark = isJsonObject(body.output) ? body.output.mark : undefined;
      return body.worker !== undefined && typeof mark === 'string' ? mark : undefined;
    }
    case 'StepAttemptFailed':
    case 'StepFailed':
      return body.worker === undefined ? undefined : body.error.message;
    case 'TaskHandedOver':
      return body.note;
    case 'ApprovalResolved':
      return body.comment;
    case 'ApprovalRequested':
      return body.attempt === undefined ? body.ask.question : undefined;
    case 'CheckpointCreated':
      return body.name;
    default:
      return undefined;
  }
}
