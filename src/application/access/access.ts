import type { CallContext, UseCaseError } from '../use-case.ts';

/** What a caller may be allowed to do; a key carries exactly those it names, none implies another. */
export const SCOPES = [
  'runs:read',
  'runs:write',
  'agents:work',
  'approvals:resolve',
  'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

/** On whose behalf calls are made: decided where a caller is let in, never by what it says of itself. */
export interface Caller {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The key it came with; absent: the local user, who was asked for none. */
  readonly key?: { readonly id: string; readonly name: string };
}

/** Until tenants are configured for a caller, it is of this one. */
export const DEFAULT_TENANT = 'default';

/** Standard input and the command line trust the local user. */
export const LOCAL_CALLER: Caller = { tenant: DEFAULT_TENANT, scopes: new Set(SCOPES) };

type AnyUseCase = (context: CallContext, ...rest: never[]) => Promise<unknown>;

/**
 * Lets nobody call a use case without the scope it asks for: whatever stands above (tools, resources, routes, commands)
 * need not remember to. A refused call reads and changes nothing.
 */
export function guardUseCases<UseCases extends object>(
  useCases: UseCases & Readonly<Record<keyof UseCases, AnyUseCase>>,
  required: Readonly<Record<keyof UseCases, Scope>>,
): UseCases {
  const names = Object.keys(useCases) as (keyof UseCases)[]; // has no others
  const guarded = names.map((name) => [name, guard(useCases[name], required[name])]);
  return Object.fromEntries(guarded) as UseCases; // the same names, each with the same parameters and answer
}

function guard(useCase: AnyUseCase, scope: Scope): AnyUseCase {
  return (context, ...rest) =>
    context.scopes.has(scope)
      ? useCase(context, ...rest)
      : Promise.resolve({ ok: false, error: missingScope(scope) });
}

export function missingScope(scope: Scope): UseCaseError {
  return {
    code: 'missing_scope',
    message: `This needs the scope ${scope}, which the caller's key does not carry.`,
    changed: 'nothing',
    next: `Use a key that carries ${scope} beside what this one carries: a key has exactly the scopes that baton keys create NAME --scopes A,B names.`,
  };
}
