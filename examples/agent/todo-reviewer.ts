/**
 * An agent that is a program: it claims tasks for the capability `todo-review`, looks for open TODO marks in the files that
 * a task names, and reports them. Stop it with Ctrl-C: what it holds goes to the next agent.
 *
 *   npx node todo-reviewer.ts             # in one terminal
 *   npx baton run review.yaml --watch     # in another
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createAgent, StepFailure, type AgentJob } from 'baton-mcp/agent';

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

const agent = createAgent({
  name: 'todo-reviewer',
  capabilities: ['todo-review'],
  concurrency: 2,
  handle: async (job) => {
    const findings: Finding[] = [];
    for (const file of filesOf(job)) {
      // The run was cancelled, or somebody else has the task by now.
      job.signal.throwIfAborted();
      await job.progress(`reading ${file}`);
      findings.push(...(await openMarks(resolve(job.task.workspace, file), file)));
    }
    return { findings: findings.map((finding) => ({ ...finding })) };
  },
  onProblem: (problem) => console.error(problem.message),
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void agent.stop());
await agent.start();
console.log('waiting for tasks of the capability todo-review');

function filesOf({ context }: AgentJob): string[] {
  const files = Array.isArray(context) ? context.filter((file) => typeof file === 'string') : [];
  if (files.length === 0) throw new StepFailure('no_files', 'the context names no files');
  return files;
}

async function openMarks(path: string, file: string): Promise<Finding[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((text, at) =>
    /\b(?:TODO|FIXME)\b/.test(text)
      ? [{ file, line: at + 1, text: text.trim().slice(0, 200) }]
      : [],
  );
}
