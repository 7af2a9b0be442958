import { asCondition, type CompiledExpression } from './expression.ts';
import type { TemplateContext } from './template.ts';
import { mayHoldExpression, splitText } from './template-text.ts';

/** Compiles an `if`, written with or without `${{ }}`. `undefined` after a mistake, which was reported. */
export function compileCondition(
  written: string | boolean,
  path: string,
  context: TemplateContext,
): CompiledExpression | undefined {
  const source = sourceOf(written);
  if (source === undefined) {
    context.onError({
      path,
      message: 'must be one expression: put the whole condition inside ${{ }}',
    });
    return undefined;
  }
  const compiled = context.cache.compile(source);
  if (!compiled.ok) {
    for (const problem of compiled.problems) context.onError({ path, ...problem });
    return undefined;
  }
  context.onExpression(path, compiled.expression);
  return asCondition(compiled.expression);
}

function sourceOf(written: string | boolean): string | undefined {
  if (typeof written === 'boolean') return String(written);
  if (!mayHoldExpression(written)) return written;
  const split = splitText(written.trim());
  const [only, ...others] = split.ok ? split.parts : [];
  return only?.kind === 'expression' && others.length === 0 ? only.source : undefined;
}
