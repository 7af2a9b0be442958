/**
 * The step kind of the fault tests: writes its effect down in the workspace, with what a deduplicating sink needs to
 * know, and dies in the middle of it where a token says so. Copied beside the program under test.
 */
import { appendFileSync, rmSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { defineHandler, StepFailure, z } from 'baton-mcp/handler';

export default defineHandler({
  kind: 'chaos.effect',
  description: 'Has an effect, once for each key.',
  input: z.strictObject({
    /** How long it goes on after its effect. */
    lastsMs: z.int().min(0).default(0),
    /** The attempt that succeeds. */
    succeedsAt: z.int().min(1).default(1),
  }),
  output: z.strictObject({ attempt: z.int() }),
  timeout: '1m',
  async run(context, { lastsMs, succeedsAt }) {
    const { workspace, runId, step, attempt, idempotencyKey } = context;
    const effect = { runId, step, attempt, idempotencyKey, atMs: Date.now(), pid: process.pid };
    appendFileSync(join(workspace, 'sink.jsonl'), `${JSON.stringify(effect)}\n`);
    dieIfTold(workspace);
    // Like a program that cannot be stopped: what it was told to do it does to the end.
    await pause(lastsMs);
    if (attempt < succeedsAt) throw new StepFailure('not_yet', `succeeds at ${succeedsAt}`);
    return { attempt };
  },
});

/** One process takes the token, and nobody else. */
function dieIfTold(workspace: string): void {
  const token = join(workspace, 'die-in-handler');
  const taken = `${token}.${process.pid}`;
  try {
    renameSync(token, taken);
  } catch {
    return;
  }
  rmSync(taken);
  process.kill(process.pid, 'SIGKILL');
}
