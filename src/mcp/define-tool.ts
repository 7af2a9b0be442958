import { z } from 'zod';
import { REQUIRED_SCOPES, type Application } from '../application/application.ts';
import type { Scope } from '../application/access/access.ts';
import type { AwaitContext } from '../application/runs/await-workflow.ts';
import { parseArguments } from '../application/parse-arguments.ts';
import type { UseCaseResult } from '../application/use-case.ts';
import type { JsonObject } from '../domain/json.ts';

export const TOOLSETS = [
  'runs',
  'definitions',
  'checkpoints',
  'agents',
  'approvals',
  'operations',
] as const;
export type Toolset = (typeof TOOLSETS)[number];

/** What a tool answers on success: all of it in the text, because most clients pass nothing else to the model. */
export interface ToolAnswer {
  readonly text: string;
  /** Exactly where the tool has an output schema, and small: some clients pay for both. */
  readonly structured?: JsonObject;
}

export interface ToolContext extends AwaitContext {
  /** Longest wait of one call, in seconds, as configured. */
  readonly maxWaitSeconds: number;
}

export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

export interface ToolDefinition<Schema extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** For the model that must choose the tool; the essentials too, as some clients never show instructions. */
  readonly description: string;
  readonly toolset: Toolset;
  /** What it calls: who may not call that is not shown the tool. */
  readonly useCase: keyof Application;
  /** In the default profile. */
  readonly isDefault: boolean;
  readonly inputSchema: Schema;
  readonly outputSchema?: z.ZodObject;
  readonly annotations: ToolAnnotations;
  run(
    application: Application,
    context: ToolContext,
    input: z.infer<Schema>,
  ): Promise<UseCaseResult<ToolAnswer>>;
}

/** A tool as `tools/list` shows it. */
export interface ToolListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: { readonly type: 'object' } & JsonObject;
  readonly outputSchema?: { readonly type: 'object' } & JsonObject;
  readonly annotations: ToolAnnotations;
}

export interface Tool {
  readonly name: string;
  readonly toolset: Toolset;
  readonly scope: Scope;
  readonly isDefault: boolean;
  readonly isReadOnly: boolean;
  readonly listing: ToolListing;
  /** Checks the arguments, drops unknown ones, and runs. */
  call(
    application: Application,
    context: ToolContext,
    args: unknown,
  ): Promise<UseCaseResult<ToolAnswer>>;
}

/** Frozen hints of the common kinds of tool; no tool here reaches beyond its own store. */
export const READS: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
export const WRITES: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
};

export function defineTool<Schema extends z.ZodObject>(definition: ToolDefinition<Schema>): Tool {
  const { name, title, description, toolset, isDefault, inputSchema, annotations } = definition;
  const { outputSchema } = definition;
  return {
    name,
    toolset,
    scope: REQUIRED_SCOPES[definition.useCase],
    isDefault,
    isReadOnly: annotations.readOnlyHint,
    listing: {
      name,
      title,
      description,
      inputSchema: flatSchema(inputSchema),
      ...(outputSchema && { outputSchema: flatSchema(outputSchema) }),
      annotations,
    },
    call: async (application, context, args) => {
      const parsed = parseArguments(inputSchema, args);
      return parsed.ok ? definition.run(application, context, parsed.value) : parsed;
    },
  };
}

/** The input side of the schema says nothing of added properties, so that clients may add and results may grow. */
function flatSchema(schema: z.ZodObject): { type: 'object' } & JsonObject {
  const { type, properties, required } = z.toJSONSchema(schema, { io: 'input' });
  // zod's output is JSON with hidden properties; the copy drops them.
  const json = JSON.parse(JSON.stringify({ type, properties, required })) as JsonObject;
  return { ...json, type: 'object' };
}
