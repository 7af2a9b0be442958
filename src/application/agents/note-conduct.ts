import { AgentBreaker, type AgentKey } from './agent-breaker.ts';
import { changeUnsettled } from './agent-registry.ts';
import type { ReportTaskInput } from './report-task.ts';
import type { ApplicationPorts } from '../use-case.ts';

interface ConductReport extends Pick<ReportTaskInput, 'action' | 'task' | 'code' | 'message'> {
  /** Nobody wants the work any more. */
  readonly isCancelled: boolean;
}

/** Counts a report for the agent's breaker. Called after it is recorded: that stands whatever becomes of this. */
export async function noteConduct(
  ports: ApplicationPorts,
  agent: AgentKey,
  { action, task: word, code, message, isCancelled }: ConductReport,
): Promise<void> {
  const breaker = new AgentBreaker(ports, agent);
  const task = word.trim();
  if (isCancelled) return breaker.letGo(task);
  if (action === 'complete') return breaker.succeeded();
  if (action !== 'fail' && action !== 'release') return;
  const error =
    action === 'release' ? 'gave a task back' : `${code ?? 'agent_failed'}: ${message ?? ''}`;
  await changeUnsettled(ports, agent, (claims) => claims.filter((claim) => claim.task !== task));
  await breaker.failed(task, error);
}
