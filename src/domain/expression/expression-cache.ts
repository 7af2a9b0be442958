import { compileExpression, type CompiledOrProblems } from './expression.ts';
import { MAX_EXPRESSIONS, MAX_EXPRESSION_TEXT } from './expression-limits.ts';

/** Compiles each distinct source of one definition once, within the limits on all of them together. */
export class ExpressionCache {
  readonly #compiled = new Map<string, CompiledOrProblems>();
  #occurrences = 0;
  #characters = 0;

  compile(source: string): CompiledOrProblems {
    this.#occurrences += 1;
    if (this.#occurrences > MAX_EXPRESSIONS) {
      return refused(`a definition has at most ${MAX_EXPRESSIONS} expressions`);
    }
    const known = this.#compiled.get(source);
    if (known !== undefined) return known;
    this.#characters += source.length;
    if (this.#characters > MAX_EXPRESSION_TEXT) {
      return refused(
        `the expressions of a definition have at most ${MAX_EXPRESSION_TEXT} characters`,
      );
    }
    const compiled = compileExpression(source);
    this.#compiled.set(source, compiled);
    return compiled;
  }
}

function refused(message: string): CompiledOrProblems {
  return { ok: false, problems: [{ message }] };
}
