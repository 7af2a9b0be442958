import { decide } from '../../domain/decide.ts';
import type { DecisionContext } from '../../domain/decision.ts';
import type { Rejection } from '../../domain/rejection.ts';
import type { DraftState } from '../../domain/state.ts';
import type { DecidedCommand } from './build-commit.ts';
import type { CommandEnvelope } from './command-envelope.ts';
import type { CachedRun } from './run-cache.ts';

export interface RefusedCommand<Pending> {
  readonly pending: Pending;
  readonly rejection: Rejection;
}

export interface DecidedBatch<Pending = unknown> {
  readonly run: CachedRun;
  /** Of the run when it was decided. */
  readonly version: number;
  readonly nowMs: number;
  readonly commands: readonly DecidedCommand[];
  /** The state as the commands leave it; `undefined` without any. */
  readonly draft: DraftState | undefined;
  readonly refused: readonly RefusedCommand<Pending>[];
}

/** Decides every command in turn, each on the state the ones before it leave. */
export function decideBatch<Pending extends { readonly envelope: CommandEnvelope }>(
  run: CachedRun,
  batch: readonly Pending[],
  context: DecisionContext,
): DecidedBatch<Pending> {
  const { version } = run.state.run;
  const commands: DecidedCommand[] = [];
  const refused: RefusedCommand<Pending>[] = [];
  let draft: DraftState | undefined;
  for (const [at, pending] of batch.entries()) {
    const { envelope } = pending;
    // A repetition waits for the next round: by then the store has the first one's answer.
    if (isRepetition(batch, at)) continue;
    const ruling = decide(run.plan, draft ?? run.state, envelope.command, context);
    if (ruling.kind === 'rejected') {
      // Behind a command that is not durable yet, a refusal may rest on what never happens: next round.
      if (commands.length === 0) refused.push({ pending, rejection: ruling.rejection });
      continue;
    }
    if (draft === undefined) draft = ruling.after;
    else ruling.after.apply();
    commands.push({ envelope, events: ruling.events, isUnfinished: ruling.isUnfinished });
  }
  return { run, version, nowMs: context.nowMs, commands, draft, refused };
}

function isRepetition(
  batch: readonly { readonly envelope: CommandEnvelope }[],
  at: number,
): boolean {
  const { commandId } = batch[at]?.envelope ?? {};
  for (let earlier = 0; earlier < at; earlier += 1)
    if (batch[earlier]?.envelope.commandId === commandId) return true;
  return false;
}
