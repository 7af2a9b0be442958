import { agentTargetOf } from '../../domain/definition/agent-kind.ts';
import type { HandoverTarget } from '../../domain/events.ts';

/** For people: `agent "opencode"`, `any agent with "review"`, `anna`. */
export function targetName(target: HandoverTarget): string {
  switch (target.kind) {
    case 'agent':
      return `agent "${target.name}"`;
    case 'capability':
      return `any agent with "${target.name}"`;
    case 'person':
      return target.name ?? 'a person';
  }
}

/** Who may claim from a queue of agents; `undefined` for a queue of workers. */
export function targetOfQueue(queue: string): HandoverTarget | undefined {
  const target = agentTargetOf(queue);
  if (target === undefined) return undefined;
  return 'agent' in target
    ? { kind: 'agent', name: target.agent }
    : { kind: 'capability', name: target.capability };
}
