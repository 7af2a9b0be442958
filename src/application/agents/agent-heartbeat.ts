import { z } from 'zod';
import { jsonSchema } from '../../domain/events.ts';
import type { Json } from '../../domain/json.ts';
import { isReadable } from '../../domain/readable-value.ts';

/** What the store keeps of an agent's heartbeats: how far it is, for people; and its payload, for who goes on. */
const agentHeartbeatSchema = z.object({
  progress: z.string().optional(),
  payload: jsonSchema.optional(),
});
export type AgentHeartbeat = Readonly<z.infer<typeof agentHeartbeatSchema>>;

export function readAgentHeartbeat(heartbeat: Json | undefined): AgentHeartbeat {
  // One of before heartbeats were checked may be nested too deeply to be read.
  if (!isReadable(heartbeat ?? null)) return {};
  return agentHeartbeatSchema.safeParse(heartbeat).data ?? {};
}

/** `undefined` when there is nothing to keep. */
export function writeAgentHeartbeat({ progress, payload }: AgentHeartbeat): Json | undefined {
  if (progress === undefined && payload === undefined) return undefined;
  return {
    ...(progress !== undefined && { progress }),
    ...(payload !== undefined && { payload }),
  };
}
