import { randomUUID } from 'node:crypto';
import { McpServer, type McpRequestContext } from '@modelcontextprotocol/server';
import { LOCAL_CALLER, type Caller } from '../application/access/access.ts';
import type { Application } from '../application/application.ts';
import { MAX_WAIT_SECONDS } from '../application/call-arguments.ts';
import { prompts } from '../../prompts/index.ts';
import { resources } from '../../resources/index.ts';
import { tools as allTools } from '../../tools/index.ts';
import type { Logger } from '../ports/logger.ts';
import { AskUser, QUESTION_TIMEOUT_MS, type AskUserOptions } from './ask-user.ts';
import { callContext, standingContext } from './call-context.ts';
import { DeclinedQuestions } from './declined-questions.ts';
import { INSTRUCTIONS } from './instructions.ts';
import { createResourceRegistry, type ResourceRegistry } from './resource-registry.ts';
import { CONNECTION, ResourceWatch, type ResourceWatchOptions } from './resource-watch.ts';
import { serveCompletions } from './serve-completions.ts';
import { servePrompts } from './serve-prompts.ts';
import { serveResources, serveSubscriptions } from './serve-resources.ts';
import { serveTools } from './serve-tools.ts';
import type { Serving } from './serving.ts';
import { serveTasks } from './tasks/serve-tasks.ts';
import { createToolRegistry, type ToolRegistry, type ToolSelection } from './tool-registry.ts';
import { createWatchedResources } from './watched-resources.ts';

export interface McpServerOptions {
  readonly application: Application;
  /** Whose connection it is. Default: the local user's. */
  readonly caller?: Caller;
  /** Default: `core`. */
  readonly toolsets?: ToolSelection;
  /** Hides and refuses every tool that changes something. Default: false. */
  readonly readOnly?: boolean;
  readonly logger: Logger;
  /** Of Baton. */
  readonly version: string;
  /** Longest wait of one call, in seconds. Default and limit: 25. */
  readonly maxWaitSeconds?: number;
  /** Lets the server put approvals to the client's user, where the client can. Default: it may not. */
  readonly askUser?: Pick<AskUserOptions, 'person' | 'secret'> &
    // Of the connection alone, where it is not given.
    Partial<Pick<AskUserOptions, 'declined'>>;
  /** What subscriptions are served from. Without it resources are read, but nobody can subscribe. */
  readonly live?: Pick<ResourceWatchOptions, 'changes' | 'clock' | 'budget'>;
  /** Aborts when the server is about to stop: calls that wait answer what they know. Default: never. */
  readonly ending?: AbortSignal;
}

/** The server side of one connection. */
export interface McpConnection {
  /** Makes the server object that holds the connection's state; a client that only asks first gets a second one. */
  build(request: McpRequestContext): McpServer;
  readonly registry: ResourceRegistry;
  /** The subscriptions; absent where the options name no feed of changes. */
  readonly watch?: ResourceWatch;
}

export function createConnection(options: McpServerOptions): McpConnection {
  const { toolsets = 'core', readOnly = false, caller = LOCAL_CALLER } = options;
  const { application, logger, live } = options;
  const tools = createToolRegistry(allTools, { toolsets, readOnly, scopes: caller.scopes });
  const registry = createResourceRegistry(resources, caller);
  const watched = createWatchedResources(application, registry, standingContext(caller));
  // An answer is written: a server that changes nothing asks nobody.
  const askUser =
    readOnly || !options.askUser || !caller.scopes.has('approvals:resolve')
      ? undefined
      : new AskUser({
          declined: new DeclinedQuestions(),
          ...options.askUser,
          application,
          logger,
          caller,
        });
  const watch = live && new ResourceWatch({ ...live, logger, resources: watched });
  return {
    build: (request) => buildServer(options, { tools, registry, watch, askUser }, request),
    registry,
    ...(watch && { watch }),
  };
}

interface Parts {
  readonly tools: ToolRegistry;
  readonly registry: ResourceRegistry;
  readonly watch: ResourceWatch | undefined;
  readonly askUser: AskUser | undefined;
}

function buildServer(
  options: McpServerOptions,
  { tools, registry, watch, askUser }: Parts,
  { era }: McpRequestContext,
): McpServer {
  const mcp = new McpServer(
    { name: 'baton', title: 'Baton durable workflows', version: options.version },
    {
      instructions: INSTRUCTIONS,
      inputRequired: { roundTimeoutMs: QUESTION_TIMEOUT_MS },
      ...(askUser && {
        requestState: { verify: (state, request) => askUser.codec.verify(state, request) },
      }),
    },
  );
  const { server } = mcp;
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- clients before 2026-07-28 name themselves only here
  const serving = createServing(options, tools, () => server.getClientVersion()?.name);
  const isLive = watch !== undefined;
  // The low-level handlers, because the SDK's own would answer a bad argument or a defect in its words, not ours.
  server.registerCapabilities({
    tools: { listChanged: false },
    resources: { subscribe: isLive, listChanged: isLive },
    prompts: { listChanged: false },
  });
  // Clients of older revisions cannot read a result that is a task.
  const tasks =
    era === 'modern' ? serveTasks(mcp, serving, { tools, ...(askUser && { askUser }) }) : undefined;
  serveTools(mcp, tools, serving, { askUser, tasks });
  // Since 2026-07-28 the transport's side serves subscriptions (see listen-requests.ts); before, who never asked for
  // the list has none that could be out of date.
  const onList = async () => (era === 'legacy' ? watch?.watchList(CONNECTION) : undefined);
  serveResources(mcp, registry, serving, { onList });
  if (watch && era === 'legacy') serveSubscriptions(mcp, registry, serving, watch);
  servePrompts(mcp, prompts, serving);
  serveCompletions(mcp, { registry, prompts }, serving);
  watch?.attach({
    updated: (uri) => server.sendResourceUpdated({ uri }),
    listChanged: () => server.sendResourceListChanged(),
  });
  return mcp;
}

function createServing(
  options: McpServerOptions,
  tools: ToolRegistry,
  clientName: () => string | undefined,
): Serving {
  const { application, caller, logger, maxWaitSeconds = MAX_WAIT_SECONDS, live, ending } = options;
  const id = randomUUID().slice(0, 8);
  return {
    application,
    logger,
    offers: (tool) => tools.find(tool) !== undefined,
    nowMs: () => live?.clock.now() ?? Date.now(),
    contextOf: (request) =>
      callContext(request, {
        id,
        caller: caller ?? LOCAL_CALLER,
        clientName: clientName(),
        maxWaitSeconds: Math.min(maxWaitSeconds, MAX_WAIT_SECONDS),
        ending,
        onNotifyFailed: (error) =>
          logger.debug({ error: String(error) }, 'could not send a progress notification'),
      }),
  };
}
