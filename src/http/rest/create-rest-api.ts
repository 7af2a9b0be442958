import { Hono, type Context } from 'hono';
import type { Application } from '../../application/application.ts';
import { logDefect } from '../../application/log-defect.ts';
import type { UseCaseError, UseCaseResult } from '../../application/use-case.ts';
import type { Logger } from '../../ports/logger.ts';
import type { HttpEnv } from '../http-env.ts';
import { defectError, problemResponse } from '../problem.ts';
import { abortWith } from './abort-with.ts';
import type { Route, RouteAnswer } from './define-route.ts';
import { answerInRestWords, errorInRestWords } from './in-rest-words.ts';
import { acceptedType } from './media-type.ts';
import { withDocument } from './openapi/openapi-route.ts';
import { isBodyFailure, readRequest } from './read-request.ts';
import { createTranslate, type Translate } from './rest-words.ts';
import { routeContext, type RouteServices } from './route-context.ts';
import { routes as ownRoutes } from './routes/index.ts';

const JSON_TYPE = 'application/json';

export interface RestApiOptions extends RouteServices {
  readonly application: Application;
  /** Of the program. */
  readonly version: string;
}

/**
 * The routes of the table, to be mounted at REST_PATH. Who calls stands in the request's context; keys, Host, Origin, rates
 * and sizes are looked at before. Every refusal is a problem (RFC 9457); unknown paths and methods too.
 */
export function createRestApi(options: RestApiOptions): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const routes = withDocument(ownRoutes, options.version);
  const translate = createTranslate(routes);
  for (const route of routes)
    app.on(route.method, honoPath(route), (c) => serve(c, route, { ...options, translate }));
  for (const [path, methods] of methodsByPath(routes))
    app.all(path, (c) => otherMethod(c, methods.join(', ')));
  app.all('*', (c) => problemResponse(c, notFound()));
  app.onError((error, c) => {
    if (isBodyFailure(error)) return problemResponse(c, unreadBody());
    return defect(c, `${c.req.method} request`, options.logger, error);
  });
  return app;
}

async function serve(
  c: Context<HttpEnv>,
  route: Route,
  options: RestApiOptions & { readonly translate: Translate },
): Promise<Response> {
  const types = [
    ...(route.answer ? [JSON_TYPE] : []),
    ...(route.otherType ? [route.otherType] : []),
  ];
  const accepted = acceptedType(c.req.header('accept'), types);
  if (accepted === undefined) return problemResponse(c, notAcceptable(types));
  const raw = await readRequest(c, route);
  if (!raw.ok) return problemResponse(c, raw.error);
  const ending = new AbortController();
  const { signal } = ending;
  const context = routeContext(c, route, accepted, { ...options, signal });
  if (!context.ok) return problemResponse(c, context.error);
  const release = abortWith(ending, context.value.endings);
  try {
    const answered = await route.call(options.application, context.value, raw.value);
    return respond(c, answered, { type: accepted, translate: options.translate });
  } catch (error) {
    return defect(c, route.name, options.logger, error);
  } finally {
    release();
  }
}

function respond(
  c: Context<HttpEnv>,
  answered: UseCaseResult<RouteAnswer<unknown>>,
  { type, translate }: { readonly type: string; readonly translate: Translate },
): Response {
  if (!answered.ok) return problemResponse(c, errorInRestWords(answered.error, translate));
  const answer = answered.value;
  const headers = { 'cache-control': 'no-cache', vary: 'Accept, Authorization', ...answer.headers };
  if (answer.status === 304) return new Response(null, { status: 304, headers });
  const content =
    'content' in answer
      ? answer.content
      : JSON.stringify(answerInRestWords(answer.body, translate));
  return new Response(content, {
    status: answer.status,
    headers: { ...headers, 'content-type': 'content' in answer ? type : JSON_TYPE },
  });
}

function defect(c: Context<HttpEnv>, request: string, logger: Logger, error: unknown): Response {
  const reference = c.get('requestId');
  logDefect(logger, { reference, request }, error);
  return problemResponse(c, defectError(reference));
}

/** A parameter is one segment of the path, whatever it holds. */
function honoPath({ path }: Route): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** GET answers HEAD as well. */
function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const route of routes) {
    const known = methods.get(honoPath(route)) ?? ['OPTIONS'];
    const more = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method];
    methods.set(honoPath(route), [...known, ...more]);
  }
  return methods;
}

function otherMethod(c: Context<HttpEnv>, allow: string): Response {
  if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
  return problemResponse(c, methodNotAllowed(allow), 405, { allow });
}

const LOOK = 'GET /api/v1/openapi.json describes every operation.';

function refusal(code: string, message: string, next = LOOK): UseCaseError {
  return { code, message, changed: 'nothing', next };
}

function notFound(): UseCaseError {
  return refusal('not_found', 'There is no such path.');
}

function methodNotAllowed(allow: string): UseCaseError {
  return refusal('method_not_allowed', `This path takes ${allow}.`);
}

function notAcceptable(types: readonly string[]): UseCaseError {
  const next = `Send Accept: ${types.join(' or ')}.`;
  return refusal('not_acceptable', `The answer can be ${types.join(' or ')}.`, next);
}

function unreadBody(): UseCaseError {
  return refusal('malformed_request', 'The body broke off.', 'Send it again, whole.');
}
