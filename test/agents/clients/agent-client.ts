import type { ModelFormat } from '../model/model-request.ts';
import type { Workplace } from '../workplace.ts';

/** A coding agent that is driven against Baton. */
export interface AgentClient {
  /** As `baton connect` names it. */
  readonly name: 'opencode' | 'gemini' | 'cline';
  readonly title: string;
  /** Of the npm registry. */
  readonly package: string;
  readonly version: string;
  /** Name of its command in `node_modules/.bin`. */
  readonly command: string;
  readonly acpArguments: readonly string[];
  readonly authMethodId?: string;
  readonly format: ModelFormat;
  /** Arguments with which its model reads a resource of Baton; absent where it gives its model no tool for that. */
  readonly resource?: (runId: string) => Readonly<Record<string, unknown>>;
  /** Environment of its process: keys that are none, and every switch that keeps it from calling home. */
  environment(modelUrl: string): Readonly<Record<string, string>>;
  /** Writes its configuration (model, permissions, nothing sent elsewhere), before Baton is registered in it. */
  configure(workplace: Workplace, modelUrl: string): void;
}

/** Accepted by the scripted model, and by nobody else. */
export const NO_KEY = 'no-key-needed';
