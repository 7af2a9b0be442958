import fc from 'fast-check';
import type { JsonObject } from '../../src/domain/json.ts';
import { workflow } from './given.ts';

const KINDS = [
  'shell',
  'shell',
  'shell',
  'agent',
  'agent',
  'approval',
  'approval',
  'transform',
  'wait',
  'signal',
  'fail',
] as const;
const CONDITIONS = [
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  '${{ success() }}',
  '${{ failure() }}',
  '${{ always() }}',
  '${{ input.flag }}',
  '${{ input.list[3] == 1 }}',
];
const NEEDS_NUMBER = { type: 'number' };

const stepArbitrary = fc.record({
  kind: fc.constantFrom(...KINDS),
  needs: fc.array(fc.nat(), { maxLength: 3 }),
  condition: fc.constantFrom(...CONDITIONS),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  isUnsafe: fc.boolean(),
  isTyped: fc.boolean(),
  hasTimeout: fc.boolean(),
  signalName: fc.constantFrom('x', 'y'),
});
type StepShape = typeof stepArbitrary extends fc.Arbitrary<infer Shape> ? Shape : never;

function stepOf(shape: StepShape, index: number): JsonObject {
  const needs = index === 0 ? [] : [...new Set(shape.needs.map((need) => `s${need % index}`))];
  const { kind, condition, isTyped, isUnsafe, hasTimeout } = shape;
  const policy = { retry: { maxAttempts: shape.maxAttempts, initialDelay: '1s' } };
  return {
    id: `s${index}`,
    uses: kind,
    needs,
    ...(condition !== undefined && { if: condition }),
    ...(isTyped && { outputSchema: NEEDS_NUMBER }),
    ...(kind === 'shell' && {
      with: { command: ['true', '${{ input.n }}'] },
      ...policy,
      ...(isUnsafe && { effect: 'unsafe' }),
    }),
    ...(kind === 'agent' && {
      with: {
        ...(hasTimeout ? { agent: 'someone' } : { capability: 'review' }),
        instructions: isTyped ? 'Look.' : 'Look at ${{ input.n }}.',
      },
      ...policy,
      ...(isUnsafe && { effect: 'unsafe' }),
      ...(hasTimeout && { timeout: '1m' }),
    }),
    ...(kind === 'approval' && {
      with: { question: 'Go on with ${{ input.n }}?', ...(hasTimeout && { expires: '1m' }) },
    }),
    ...(kind === 'transform' && { with: isUnsafe ? '${{ input.n }}' : '${{ input.flag }}' }),
    ...(kind === 'wait' && { with: { for: '1m' } }),
    ...(kind === 'signal' && {
      with: { name: shape.signalName },
      ...policy,
      ...(hasTimeout && { timeout: '1m' }),
    }),
    ...(kind === 'fail' && { with: { message: 'no' } }),
  };
}

/** Valid definitions of one to nine steps with any mix of what the language has. */
export const definitionArbitrary = fc
  .record({
    steps: fc.array(stepArbitrary, { minLength: 1, maxLength: 9, size: 'max' }),
    onFailure: fc.constantFrom('stop', 'continue', 'continue'),
    output: fc.constantFrom(undefined, '${{ input.n }}', '${{ input.list[9] }}'),
  })
  .map(({ steps, onFailure, output }) =>
    workflow(steps.map(stepOf), { onFailure, ...(output !== undefined && { output }) }),
  );

/** One thing that somebody may send to a run, sensible or not. */
export const moveArbitrary = fc.record({
  what: fc.constantFrom(
    'complete',
    'complete',
    'fail',
    'fail',
    'permanent',
    'giveBack',
    'unknown',
    'begin',
    'timer',
    'timer',
    'staleTimer',
    'signal',
    'pause',
    'resume',
    'cancel',
    'reportCancelled',
    'resolve',
    'restart',
    'handOver',
    'handOver',
    'handToPerson',
    'handToPerson',
    'answerTask',
    'failTask',
    'ask',
    'askWithExpiry',
    'approve',
    'approve',
    'refuse',
    'answerAsked',
    'checkpoint',
  ),
  step: fc.nat(),
  offset: fc.constantFrom(0, 0, 0, 0, -1, 1),
  output: fc.constantFrom<(number | string)[]>(1, 2, 'text'),
  resolution: fc.constantFrom('retry', 'completed', 'failed'),
});
export type Move = typeof moveArbitrary extends fc.Arbitrary<infer Shape> ? Shape : never;

/** Mostly long: short ones seldom get anywhere. */
export function movesArbitrary(maxLength: number): fc.Arbitrary<Move[]> {
  return fc.array(moveArbitrary, { maxLength, size: 'max' });
}
