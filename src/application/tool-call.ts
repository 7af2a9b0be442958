import type { JsonObject } from '../domain/json.ts';

/** A call as people and models are told to make it: `await_workflow {"run_id":"…"}`. */
export function toolCall(name: string, args: JsonObject): string {
  return `${name} ${JSON.stringify(args)}`;
}
