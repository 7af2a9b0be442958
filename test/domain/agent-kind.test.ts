import { describe, expect, it, test } from 'vitest';
import { agentQueue, agentTargetOf } from '../../src/domain/definition/agent-kind.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { agent, planOf, work, workflow } from '../support/given.ts';

const errorsOf = (step: JsonObject, more: JsonObject = {}) => {
  const parsed = parseDefinition(workflow([step], more));
  return parsed.ok ? [] : parsed.errors;
};
const bare = (input: JsonObject): JsonObject => ({ id: 'a', uses: 'agent', with: input });
const CONTRACT = { type: 'object', required: ['verdict'] };

describe('the queue of an agent step', () => {
  it('is that of its capability, or of its agent', () => {
    const plan = planOf(
      workflow([agent('a', { capability: 'review' }), agent('b', { agent: 'opencode-1' })]),
    );
    expect(plan.steps.map(({ queue }) => queue)).toEqual(['agent:review', 'agent@opencode-1']);
    expect(plan.steps.map(({ performer }) => performer)).toEqual(['agent', 'agent']);
  });

  it('leads back to whom it is for, and a queue of workers to nobody', () => {
    for (const target of [{ agent: 'x' }, { capability: 'agent' }])
      expect(agentTargetOf(agentQueue(target))).toEqual(target);
    expect(agentTargetOf('shell:agent')).toBeUndefined();
  });

  it('of an agent and of a capability with one name are two', () => {
    expect(agentQueue({ agent: 'x' })).not.toBe(agentQueue({ capability: 'x' }));
  });
});

describe('an agent step is refused', () => {
  const oneOf = {
    path: 'steps[0].with',
    message: 'needs exactly one of "capability" and "agent"',
  };
  test.each([
    ['with neither capability nor agent', bare({ instructions: 'x' }), oneOf],
    ['with both', bare({ capability: 'x', agent: 'y', instructions: 'x' }), oneOf],
    [
      'without instructions',
      bare({ capability: 'x' }),
      { path: 'steps[0].with.instructions', message: 'is required' },
    ],
    [
      'with a capability from an expression',
      agent('a', { capability: '${{ input.who }}' }),
      {
        path: 'steps[0].with.capability',
        message: 'says who may do the work and cannot hold an expression',
      },
    ],
    [
      'with an agent from an expression',
      agent('a', { agent: 'x-${{ input.who }}' }),
      {
        path: 'steps[0].with.agent',
        message: 'says who may do the work and cannot hold an expression',
      },
    ],
    [
      'with a contract from an expression',
      agent('a', { output: { type: 'object', required: ['${{ input.what }}'] } }),
      { path: 'steps[0].with.output', message: 'is a contract and cannot hold an expression' },
    ],
    [
      'with everything from one expression',
      { id: 'a', uses: 'agent', with: '${{ input.all }}' },
      {
        path: 'steps[0].with',
        message: 'must be written out: it says which agents may do the work',
      },
    ],
    [
      'with two contracts',
      agent('a', { output: CONTRACT }, { outputSchema: CONTRACT }),
      { path: 'steps[0].outputSchema', message: 'is written in with.output already' },
    ],
    [
      'with a contract that is no schema',
      agent('a', { output: 'text' }),
      {
        path: 'steps[0].with.output',
        message: 'a JSON Schema is an object (or true or false)',
      },
    ],
  ])('%s', (_, step, error) => {
    expect(errorsOf(step)).toEqual([error]);
  });

  test.each(['Review', 'a b', '', '-a', 'x'.repeat(65), 'a/b', 'a:b', 'ä'])(
    'with the capability %j, which could name no queue',
    (capability) => {
      expect(errorsOf(agent('a', { capability }))).toEqual([
        {
          path: 'steps[0].with.capability',
          message: expect.stringContaining('at most 64 lower case letters') as string,
        },
      ]);
    },
  );

  it('with a misspelt key, and names the nearest', () => {
    expect(errorsOf(agent('a', { instruction: 'x' }))).toMatchObject([
      { path: 'steps[0].with.instruction', suggestion: 'instructions' },
    ]);
  });
});

describe('settings of an agent step', () => {
  it("are its own: the definition's default time limit is meant for programs", () => {
    const defaults = { defaults: { timeout: '5m', retry: { maxAttempts: 4 } } };
    const plan = planOf(
      workflow([work('w'), agent('a'), agent('b', {}, { timeout: '1d' })], defaults),
    );
    expect(plan.steps.map(({ timeoutMs }) => timeoutMs)).toEqual([300_000, undefined, 86_400_000]);
    expect(plan.steps.map(({ retry }) => retry.maxAttempts)).toEqual([4, 4, 4]);
  });

  it('say that its effect may be repeated, unless the definition says otherwise', () => {
    const plan = planOf(workflow([agent('a'), agent('b', {}, { effect: 'unsafe' })]));
    expect(plan.steps.map(({ effect }) => effect)).toEqual(['idempotent', 'unsafe']);
  });

  it('take the heartbeat after which a silent agent has lost its task', () => {
    expect(planOf(workflow([agent('a', {}, { heartbeat: '90s' })])).steps[0]?.heartbeatMs).toBe(
      90_000,
    );
  });
});
