import type { Plan, PlannedStep } from './plan.ts';

const COLOURS: Readonly<Record<string, string>> = {
  completed: 'fill:#d3f9d8,stroke:#2b8a3e,color:#000',
  failed: 'fill:#ffe3e3,stroke:#c92a2a,color:#000',
  running: 'fill:#d0ebff,stroke:#1971c2,color:#000',
  waiting: 'fill:#fff3bf,stroke:#e67700,color:#000',
  skipped: 'fill:#f1f3f5,stroke:#868e96,color:#868e96',
  cancelled: 'fill:#f1f3f5,stroke:#495057,color:#000',
  pending: 'fill:#ffffff,stroke:#adb5bd,color:#000',
};

/**
 * A Mermaid flowchart of the steps, top down, coloured by status where `statusOf` knows one. Node names are
 * `s0`, `s1`, …: an id such as `end` is a keyword of Mermaid.
 */
export function toMermaid(plan: Plan, statusOf?: (id: string) => string | undefined): string {
  const lines = ['flowchart TD'];
  const used = new Set<string>();
  for (const step of plan.steps) {
    const status = statusOf?.(step.id)?.replaceAll(/[^A-Za-z0-9_]/g, '_');
    if (status !== undefined) used.add(status);
    lines.push(`  ${node(step)}${status === undefined ? '' : `:::${status}`}`);
  }
  for (const step of plan.steps) {
    for (const need of step.needs) lines.push(`  s${need} --> s${step.index}`);
  }
  for (const status of used) {
    lines.push(
      `  classDef ${status} ${COLOURS[status] ?? 'fill:#ffffff,stroke:#495057,color:#000'}`,
    );
  }
  return lines.join('\n');
}

// Ids match [a-z][a-z0-9_]* and kinds are known names, so that a label needs no escaping.
function node(step: PlannedStep): string {
  return `s${step.index}["${step.id}<br/><small>${step.uses}</small>"]`;
}
