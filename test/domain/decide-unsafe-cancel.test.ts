import { expect, it } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import {
  begin,
  cancel,
  fail,
  fire,
  given,
  reportCancelled,
  reportUnknown,
  retry,
  start,
  work,
  workflow,
} from '../support/given.ts';

const unsafe = work('pay', { effect: 'unsafe', ...retry(3) });
const retryPay: Command = { type: 'ResolveStep', step: 'pay', resolution: 'retry' };

it('says in the history that a cancelled effect may have happened', () => {
  const run = given(workflow([unsafe]), start(), begin('pay'), cancel);
  run.when(reportCancelled('pay')).thenEvents(
    {
      type: 'StepOutcomeUnknown',
      step: 'pay',
      attempt: 1,
      reason: 'cancelled while its effect was under way',
    },
    { type: 'WorkflowCancelled' },
  );
  expect(run.status).toBe('cancelled');
  expect(run.step('pay').status).toBe('cancelled');
});

it('runs again when a person says so, even in a run that stops and after a failed attempt', () => {
  const run = given(
    workflow([unsafe, work('other')]),
    start(),
    begin('pay'),
    fail('pay'),
    fire('retry:pay#1'),
    begin('pay', 2),
    reportUnknown('pay', 2),
    fail('other'),
  );
  run
    .when(retryPay)
    .thenEvents(
      { type: 'StepReadied', step: 'pay' },
      { type: 'StepsScheduled', steps: [{ step: 'pay', attempt: 3 }] },
    );
});
