import { z } from 'zod';
import type { Application } from '../application/application.ts';
import { parseArguments } from '../application/parse-arguments.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';
import type { Completer } from './completions.ts';

export interface PromptContext extends CallContext {
  readonly nowMs: number;
  /** Whether this server, as it was started, offers the tool. */
  readonly offers: (tool: string) => boolean;
}

export interface PromptDefinition<Schema extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Every argument is a text, with a description. */
  readonly argsSchema: Schema;
  readonly complete?: Readonly<Record<string, Completer>>;
  /**
   * For prompts that look their arguments up: what is said while these are only known by a placeholder (`$1`), for a model
   * that gets the words in their place.
   */
  withPlaceholders?(args: z.infer<Schema>): string;
  /** The text of the one message, from the state of the store as of now. */
  build(
    application: Application,
    context: PromptContext,
    args: z.infer<Schema>,
  ): Promise<UseCaseResult<string>>;
}

/** A prompt as `prompts/list` shows it. */
export interface PromptListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: { name: string; description: string; required: boolean }[];
}

export interface Prompt {
  readonly name: string;
  readonly complete: Readonly<Record<string, Completer>>;
  readonly listing: PromptListing;
  /** Checks the arguments, drops unknown ones, and builds. */
  get(
    application: Application,
    context: PromptContext,
    args: unknown,
  ): Promise<UseCaseResult<string>>;
}

export function definePrompt<Schema extends z.ZodObject>(
  definition: PromptDefinition<Schema>,
): Prompt {
  const { name, title, description, argsSchema, complete = {} } = definition;
  const shape: Readonly<Record<string, z.core.$ZodType>> = argsSchema.shape;
  return {
    name,
    complete,
    listing: {
      name,
      title,
      description,
      arguments: Object.entries(shape).map(([argument, field]) => ({
        name: argument,
        description: z.globalRegistry.get(field)?.description ?? '',
        required: field._zod.optin !== 'optional',
      })),
    },
    get: async (application, context, args) => {
      const given = withoutPlaceholders(argsSchema, args);
      const parsed = parseArguments(argsSchema, given);
      if (!parsed.ok) return parsed;
      const later = Object.values(given).some(isPlaceholder)
        ? definition.withPlaceholders?.(parsed.value)
        : undefined;
      return later === undefined
        ? definition.build(application, context, parsed.value)
        : { ok: true, value: later };
    },
  };
}

/** OpenCode 1.18 asks for prompts before it knows their arguments, and puts the user's words in place of these later. */
function isPlaceholder(value: unknown): boolean {
  return typeof value === 'string' && /^\$\d+$/.test(value);
}

/** An optional argument that is not known yet, or empty, was not given. */
function withoutPlaceholders(schema: z.ZodObject, args: unknown): Record<string, unknown> {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  const given = z.record(z.string(), z.unknown()).safeParse(args ?? {}).data ?? {};
  const isKept = ([name, value]: [string, unknown]): boolean =>
    shape[name]?._zod.optin !== 'optional' || (value !== '' && !isPlaceholder(value));
  return Object.fromEntries(Object.entries(given).filter(isKept));
}
