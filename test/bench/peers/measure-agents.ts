import { rmSync } from 'node:fs';
import { newFolder } from '../workload.ts';
import { AskedProcess } from './asked-process.ts';
import type { AgentsRequest, BeatFigures, QuestionFigures } from './agents-process.ts';
import { redisCpuMicros, startBenchRedis } from './redis-usage.ts';

export interface AgentsOptions {
  readonly agents: number;
  readonly workflows: number;
  readonly settleMs: number;
  readonly windowMs: number;
}

export interface BeatProfile {
  readonly name: string;
  readonly periodMs: number;
  readonly idleAgentsWait: boolean;
}

/**
 * An agent's task and its presence both last 15 minutes; who renews at a third of that calls every 5 minutes. No note is
 * written twice within 30 s: that is the most that presence can cost.
 */
export const BEAT_PROFILES: readonly BeatProfile[] = [
  { name: 'one call in 5 min', periodMs: 300_000, idleAgentsWait: false },
  { name: 'one call in 30 s', periodMs: 30_000, idleAgentsWait: false },
  { name: 'idle ones wait in claim_task', periodMs: 300_000, idleAgentsWait: true },
];

export interface AgentsFigures {
  readonly profiles: readonly (BeatFigures & { readonly name: string; redisCores: number })[];
  readonly questions: QuestionFigures;
}

/** `agents` registered with one server that holds `workflows` under way, each with an agent at work on it. */
export async function measureAgents(options: AgentsOptions): Promise<AgentsFigures> {
  const server = await startBenchRedis('everysec');
  const folder = newFolder();
  const child = new AskedProcess<AgentsRequest>('agents-process.ts');
  try {
    const { agents, workflows, settleMs, windowMs } = options;
    await child.ask({ do: 'open', folder, storeUrl: server.url, agents, workflows });
    const profiles = [];
    for (const { name, periodMs, idleAgentsWait } of BEAT_PROFILES) {
      const redisBefore = await redisCpuMicros(server);
      const startedAtMs = performance.now();
      const figures = await child.ask<BeatFigures>({
        ...{ do: 'beat', periodMs, idleAgentsWait, windowMs },
        // Until every one of them is in its second call.
        settleMs: idleAgentsWait ? Math.max(settleMs, 21_000) : settleMs,
      });
      const redisMicros = (await redisCpuMicros(server)) - redisBefore;
      const elapsedMicros = (performance.now() - startedAtMs) * 1_000;
      profiles.push({ ...figures, name, redisCores: redisMicros / elapsedMicros });
    }
    const questions = await child.ask<QuestionFigures>({ do: 'questions' });
    await child.close();
    return { profiles, questions };
  } finally {
    child.kill();
    await server.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}
