import type { Command } from '../src/domain/commands.ts';
import type { Json, JsonObject } from '../src/domain/json.ts';
import {
  agent,
  answerTask,
  approval,
  approve,
  ask,
  begin,
  cancel,
  checkpoint,
  complete,
  fail,
  fire,
  giveBack,
  handOver,
  pass,
  pause,
  refuse,
  reportCancelled,
  reportUnknown,
  resume,
  retry,
  signal,
  toAgent,
  toCapability,
  toPerson,
  work,
  workflow,
} from '../test/support/given.ts';

/** A run, and what happens to it until it ends. */
export interface Recording {
  readonly definition: JsonObject;
  readonly input: Json;
  /** A number lets so many milliseconds pass. */
  readonly moves: readonly (Command | number)[];
}

const resolve = (
  step: string,
  resolution: 'retry' | 'completed',
  output: Json = null,
): Command => ({ type: 'ResolveStep', step, resolution, output });

/** By the name of their files; a released one never changes, a new one is one more entry. */
export const RECORDINGS: Readonly<Record<string, Recording>> = {
  'completed-with-everything': {
    definition: workflow(
      [
        work('lint', { with: { command: ['true', '${{ input.branch }}'] }, ...retry(3) }),
        work('typed', { ...retry(2), outputSchema: { type: 'object', required: ['n'] } }),
        work('pay', { effect: 'unsafe', needs: ['lint'] }),
        pass('never', { if: '${{ input.branch == "other" }}' }),
        { id: 'pause', uses: 'wait', with: { for: '1h' }, needs: ['typed'] },
        {
          id: 'gate',
          uses: 'signal',
          with: { name: 'go' },
          timeout: '1d',
          needs: ['pay', 'never'],
        },
        {
          id: 'typed_gate',
          uses: 'signal',
          with: { name: 'data' },
          ...retry(2),
          outputSchema: { type: 'number' },
        },
        pass('report', {
          needs: ['gate', 'pause', 'typed_gate'],
          with: ['${{ steps.gate.output.by }}', '${{ steps.lint.attempts }}'],
        }),
      ],
      {
        input: { type: 'object', properties: { branch: { type: 'string', default: 'main' } } },
        output: { report: '${{ steps.report.output }}' },
      },
    ),
    input: {},
    moves: [
      fail('lint', { code: 'exit_2', details: { exitCode: 2 } }, { heartbeat: { file: 17 } }),
      signal('data', 'not a number'),
      1_000,
      fire('retry:lint#1'),
      fire('retry:typed_gate#1'),
      signal('data', 4),
      complete('typed', {}),
      1_000,
      fire('retry:typed#1'),
      { type: 'PauseWorkflow', reason: 'lunch' },
      giveBack('typed', 2),
      { type: 'ResumeWorkflow', reason: 'lunch is over' },
      complete('typed', { n: 1 }, 2),
      complete('lint', { clean: true }, 2),
      begin('pay'),
      reportUnknown('pay'),
      resolve('pay', 'retry'),
      begin('pay', 2),
      complete('pay', { receipt: 'r-1' }, 2),
      signal('go', { by: 'someone' }),
      3_600_000,
      fire('wait:pause#1'),
    ],
  },
  'failed-and-stopped': {
    definition: workflow([
      work('good'),
      work('bad', retry(2)),
      work('after_good', { needs: ['good'] }),
      work('after_bad', { needs: ['bad'] }),
      { id: 'patience', uses: 'wait', with: { until: '2030-01-01T00:00:00Z' } },
      pass('clean', { needs: ['good', 'bad'], if: '${{ always() }}' }),
    ]),
    input: { any: ['thing', 1, null] },
    moves: [
      fail('bad'),
      1_000,
      fire('retry:bad#1'),
      fail('bad', { permanent: true }, { attempt: 2 }),
      5,
      complete('good'),
    ],
  },
  'failed-by-its-output': {
    definition: workflow([work('a')], { output: '${{ steps.a.output.missing.deeper }}' }),
    input: {},
    moves: [complete('a', { other: 1 })],
  },
  'people-and-agents': {
    definition: workflow(
      [
        agent(
          'review',
          {
            instructions: 'Review ${{ input.branch }}.',
            context: { files: ['a.ts'] },
            output: { type: 'object', required: ['verdict'] },
          },
          { timeout: '1h', heartbeat: '90s', ...retry(3) },
        ),
        agent('explore', { agent: 'opencode-1' }, { timeout: '2h', ...retry(2) }),
        agent('publish', {}, { effect: 'unsafe', needs: ['review'] }),
        approval(
          'deploy',
          {
            question: 'Deploy after ${{ steps.review.output.verdict }}?',
            choices: ['staging', 'production'],
            approvers: ['ann', 'bob'],
            expires: '1d',
          },
          { needs: ['publish', 'explore'] },
        ),
      ],
      { output: { where: '${{ steps.deploy.output.choice }}' } },
    ),
    input: { branch: 'main' },
    moves: [
      checkpoint('begun'),
      complete('review', { remark: 'no verdict' }),
      ask('tag', {
        step: 'explore',
        ask: { question: 'Delete the tag?', choices: ['yes', 'no'], approvers: ['ann'] },
        expiresMs: 60_000,
      }),
      ask('late', { expiresMs: 500 }),
      approve('ask:tag', { choice: 'yes', comment: 'it is an old one' }),
      500,
      fire('approval:ask:late'),
      500,
      fire('retry:review#1'),
      giveBack('review', 2),
      handOver('review', toAgent('gemini-1'), {
        attempt: 2,
        note: 'half done',
        context: { read: ['a.ts'] },
        heartbeat: { at: 'a.ts' },
      }),
      handOver('review', toCapability('security'), { attempt: 2, from: 'agent:gemini-1' }),
      pause,
      giveBack('review', 2),
      resume,
      handOver('review', toPerson('ann'), { attempt: 2, from: 'agent:cline-1' }),
      answerTask('review', { resolution: 'failed', reason: 'not mine' }),
      2_000,
      fire('retry:review#2'),
      handOver('review', toPerson(), { attempt: 3 }),
      answerTask('review', { output: { verdict: 'good' }, by: 'bob' }),
      begin('publish'),
      complete('publish', { url: 'https://example.org/1' }),
      7_200_000,
      fire('timeout:explore#1'),
      1_000,
      fire('retry:explore#1'),
      complete('explore', null, 2),
      checkpoint('before the deployment', {
        note: 'all reviewed',
        repository: {
          path: '/home/someone/project',
          commit: 'f00d',
          branch: 'main',
          isDirty: true,
          diff: { artifactId: 'artifact-1', bytes: 120, files: 2 },
        },
      }),
      approve('deploy', { choice: 'staging', by: 'bob', via: 'elicitation' }),
    ],
  },
  'rejected-and-expired': {
    definition: workflow(
      [
        approval('first'),
        approval('second', { expires: 60_000 }),
        agent('a', { agent: 'someone' }, { timeout: 30_000 }),
        agent('b', { capability: 'review' }, { needs: ['first'] }),
      ],
      { onFailure: 'continue' },
    ),
    input: {},
    moves: [
      refuse('first', { comment: 'not today', via: 'operator_key' }),
      30_000,
      fire('timeout:a#1'),
      ask('open', { expiresMs: 90_000 }),
      checkpoint('waiting', {
        repository: { path: '/p', isDirty: true, diffLeftOut: 'too large' },
      }),
      30_000,
      fire('wait:second#1'),
    ],
  },
  'cancelled-with-agents': {
    definition: workflow([
      agent('held'),
      agent('begun', {}, { effect: 'unsafe' }),
      agent('with_person'),
      approval('gate', { expires: '1h' }),
      work('worker'),
    ]),
    input: {},
    moves: [
      begin('begun'),
      handOver('with_person', toPerson()),
      ask('open'),
      { ...cancel, reason: 'wrong branch' } as Command,
      reportCancelled('worker'),
    ],
  },
  'cancelled-while-running': {
    definition: workflow([
      work('held'),
      work('late'),
      work('never', { needs: ['held'] }),
      { id: 'gate', uses: 'signal', with: { name: 'go' } },
    ]),
    input: null,
    moves: [
      signal('other', { kept: true }),
      { ...cancel, reason: 'wrong branch' } as Command,
      reportCancelled('held'),
      20,
      complete('late', 'in spite of it'),
    ],
  },
};
