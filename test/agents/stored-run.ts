import { z } from 'zod';
import type { BatonCli } from './baton-cli.ts';

const listSchema = z.object({ runs: z.array(z.object({ run_id: z.string() })) });
const showSchema = z.object({ status: z.string(), output: z.unknown().optional() });
const eventSchema = z.object({ type: z.string(), actor: z.string(), text: z.string() });

/** What the store knows of the one run, told by the command line: no client had a hand in it. */
export interface StoredRun {
  readonly runId: string;
  readonly status: string;
  readonly output: unknown;
  readonly events: readonly z.infer<typeof eventSchema>[];
}

/** Undefined when there is none; throws when there is more than one. */
export async function readStoredRun(baton: BatonCli): Promise<StoredRun | undefined> {
  const [listed] = await baton.json('list');
  const [run, ...others] = listSchema.parse(listed).runs;
  if (run === undefined) return undefined;
  if (others.length > 0) throw new Error(`${others.length + 1} runs were started instead of one`);
  const [shown] = await baton.json('show', run.run_id);
  const events = await baton.json('history', run.run_id);
  const { status, output } = showSchema.parse(shown);
  return {
    runId: run.run_id,
    status,
    output,
    events: events.map((event) => eventSchema.parse(event)),
  };
}

/** What is wrong with the run if `agentId` was to complete `step` of it; empty when nothing is. */
export function complaints(run: StoredRun | undefined, step: string, agentId: string): string[] {
  if (run === undefined) return ['the store holds no run'];
  const wrong: string[] = [];
  if (run.status !== 'completed') wrong.push(`the run is ${run.status}`);
  const completions = run.events.filter(
    ({ type, text }) => type === 'StepCompleted' && text.startsWith(`${step} `),
  );
  if (completions.length !== 1) wrong.push(`${step} was completed ${completions.length} times`);
  const [completion] = completions;
  if (completion && !`${completion.actor} ${completion.text}`.includes(agentId))
    wrong.push(`${step} was completed by ${completion.actor}, not by ${agentId}`);
  const expected = JSON.stringify({ carrier: agentId });
  if (JSON.stringify(run.output) !== expected)
    wrong.push(`the output is ${JSON.stringify(run.output)} instead of ${expected}`);
  return wrong;
}
