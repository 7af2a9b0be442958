import { isJsonObject, type Json } from '../../src/domain/json.ts';
import type { Random } from './random.ts';

/** An `if` as a tree, so that the reference model can evaluate it without the expression language. */
export type Condition =
  | { readonly op: 'success' | 'failure' | 'always' }
  | { readonly op: 'status'; readonly step: string; readonly equals: string }
  | { readonly op: 'above'; readonly step: string; readonly value: number }
  | { readonly op: 'input'; readonly value: number }
  | { readonly op: 'not'; readonly of: Condition }
  | { readonly op: 'and' | 'or'; readonly left: Condition; readonly right: Condition };

export interface ConditionFacts {
  readonly succeeded: boolean;
  readonly failed: boolean;
  readonly n: number;
  status(step: string): string;
  output(step: string): Json;
}

export type Truth = boolean | 'error';

export function drawCondition(random: Random, needs: readonly string[], depth = 2): Condition {
  if (depth > 0 && random.chance(0.4)) {
    const left = drawCondition(random, needs, depth - 1);
    if (random.chance(0.25)) return { op: 'not', of: left };
    const right = drawCondition(random, needs, depth - 1);
    return { op: random.pick(['and', 'or']), left, right };
  }
  const [first, ...rest] = needs;
  if (first === undefined || random.chance(0.6))
    return random.chance(0.2)
      ? { op: 'input', value: random.int(0, 3) }
      : { op: random.pick(['success', 'failure', 'always', 'always']) };
  const step = random.pick([first, ...rest]);
  return random.chance(0.5)
    ? { op: 'status', step, equals: random.pick(['completed', 'failed', 'skipped']) }
    : { op: 'above', step, value: random.int(0, 5) };
}

export function conditionText(condition: Condition): string {
  switch (condition.op) {
    case 'status':
      return `steps.${condition.step}.status == '${condition.equals}'`;
    case 'above':
      return `steps.${condition.step}.output.v > ${condition.value}`;
    case 'input':
      return `input.n > ${condition.value}`;
    case 'not':
      return `!(${conditionText(condition.of)})`;
    case 'and':
      return `(${conditionText(condition.left)}) && (${conditionText(condition.right)})`;
    case 'or':
      return `(${conditionText(condition.left)}) || (${conditionText(condition.right)})`;
    default:
      return `${condition.op}()`;
  }
}

export function readsFailure(condition: Condition | undefined): boolean {
  if (condition === undefined) return false;
  if (condition.op === 'not') return readsFailure(condition.of);
  if (condition.op === 'and' || condition.op === 'or')
    return readsFailure(condition.left) || readsFailure(condition.right);
  return condition.op === 'failure' || condition.op === 'always';
}

/** CEL's logic: what decides alone outweighs an error beside it. */
export function evaluateCondition(condition: Condition, facts: ConditionFacts): Truth {
  switch (condition.op) {
    case 'success':
      return facts.succeeded;
    case 'failure':
      return facts.failed;
    case 'always':
      return true;
    case 'status':
      return facts.status(condition.step) === condition.equals;
    case 'above':
      return isAbove(facts.output(condition.step), condition.value);
    case 'input':
      return facts.n > condition.value;
    case 'not':
      return negate(evaluateCondition(condition.of, facts));
    default:
      return combine(
        condition.op === 'or',
        evaluateCondition(condition.left, facts),
        evaluateCondition(condition.right, facts),
      );
  }
}

function isAbove(output: Json, value: number): Truth {
  const found = isJsonObject(output) ? output.v : undefined;
  return typeof found === 'number' ? found > value : 'error';
}

function negate(truth: Truth): Truth {
  return truth === 'error' ? 'error' : !truth;
}

function combine(decisive: boolean, left: Truth, right: Truth): Truth {
  if (left === decisive || right === decisive) return decisive;
  return left === 'error' || right === 'error' ? 'error' : !decisive;
}
