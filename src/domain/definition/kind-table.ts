import { z } from 'zod';
import type { Json } from '../json.ts';
import type { DefinitionError } from './definition-error.ts';
import { joinPath } from './json-path.ts';
import { handlerQueue, type DeclaredKinds, type KindDeclaration } from './kind-declaration.ts';
import { compileSchemaAt } from './plan-schema.ts';
import { withNearest } from './shape-errors.ts';
import type { StepKind } from './step-kind.ts';
import { isStepKindName, LATER_STEP_KINDS, STEP_KIND_NAMES, STEP_KINDS } from './step-kinds.ts';

type OnError = (error: DefinitionError) => void;

/** The step kinds that one definition may use: the built-in ones, and those whose declaration it pins. */
export class KindTable {
  readonly #declared = new Map<string, StepKind>();
  readonly #candidates: readonly string[];

  /** `loaded`: further names worth suggesting. */
  constructor(pinned: DeclaredKinds | undefined, loaded: readonly string[], onError: OnError) {
    const entries = Object.entries(pinned ?? {});
    for (const [name, declaration] of entries) {
      const path = joinPath('kinds', name);
      this.#declared.set(name, declaredKind(name, declaration, path, onError));
    }
    this.#candidates = [...new Set([...STEP_KIND_NAMES, ...this.#declared.keys(), ...loaded])];
  }

  find(name: string): StepKind | undefined {
    return isStepKindName(name) ? STEP_KINDS[name] : this.#declared.get(name);
  }

  /** Why there is no such kind. */
  problem(name: string, path: string): DefinitionError {
    if (LATER_STEP_KINDS.includes(name))
      return { path, message: `the step kind "${name}" is not available in this version` };
    const hint = name.includes('.')
      ? ': kinds with a dot come from handlers, and no handler of it is loaded here (the setting handlers names the files to load)'
      : '';
    return withNearest({ path, message: `no step kind "${name}"${hint}` }, name, this.#candidates);
  }
}

function declaredKind(
  name: string,
  declaration: KindDeclaration,
  path: string,
  onError: OnError,
): StepKind {
  const compile = (key: 'input' | 'output'): ReturnType<typeof compileSchemaAt> =>
    compileSchemaAt(declaration[key], joinPath(path, key), { add: onError });
  const { timeoutMs, heartbeatMs, retry, effect, queue } = declaration;
  return {
    inputSchema: ANYTHING,
    inputContract: compile('input'),
    outputContract: compile('output'),
    isInputRequired: false,
    settings: ['timeout', 'heartbeat', 'retry', 'effect'],
    performer: 'worker',
    timeoutMs,
    heartbeatMs,
    retry,
    effect,
    queueOf: () => handlerQueue(name, queue),
    checkWritten: () => [],
  };
}

/** Its JSON Schema says the rest. */
const ANYTHING = z.custom<Json>();
