import type { Command } from '../../domain/commands.ts';
import type { EventBody } from '../../domain/events.ts';
import type { Json } from '../../domain/json.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Rejection } from '../../domain/rejection.ts';
import type { ClaimedTask, Lease } from '../../ports/work-source.ts';

/** A command with who sends it and why. */
export interface CommandEnvelope {
  readonly command: Command;
  /** The deduplication key within the run; repeat it to learn what became of an unanswered call. */
  readonly commandId: string;
  readonly actor: string;
  readonly causationId: string;
  readonly traceparent?: string;
  /** Digest of a client's request, where the client chose the id. */
  readonly digest?: string;
  /** What a repetition is answered; the run's version is added. */
  readonly answer?: Json;
  /** The work this command reports on; it is done with when the commit is. */
  readonly acknowledge?: Lease;
  /** The sender can go on with a task of this queue (handing on). */
  readonly canContinue?: (queue: string) => boolean;
  /** Of a StartWorkflow: the plan to pin. */
  readonly plan?: Plan;
  /** Somebody waits for the answer, who can repeat the call: not tried for long while the store is away. */
  readonly hasCaller?: boolean;
}

export type Outcome =
  /** Durable. `next` is the task handed on to the sender. */
  | {
      readonly kind: 'committed';
      readonly version: number;
      readonly events: readonly EventBody[];
      readonly next?: ClaimedTask;
    }
  /** Was recorded before, with this answer; nothing was changed now. */
  | { readonly kind: 'duplicate'; readonly answer: Json }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'keyReused' }
  | { readonly kind: 'leaseLost' }
  | { readonly kind: 'unknownRun' }
  /** `isInDoubt`: whether it was applied is unknown; the same command id settles it. Else it was not. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly isInDoubt: boolean };
