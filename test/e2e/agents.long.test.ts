import { it, onTestFinished } from 'vitest';
import { AgentFarm, killWhileClaiming } from './agent-farm.ts';

// What a claim that nobody knows of holds is free again after 30 s.
it('a process killed before its claim was noted delays the task, and loses nothing', async () => {
  const farm = new AgentFarm();
  onTestFinished(() => farm.close());
  await killWhileClaiming(farm, await farm.open(), 'claimed');
}, 120_000);
