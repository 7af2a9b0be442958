import type { Mutation } from './mutations.ts';

const AGENT = ['test/domain/decide-agent.test.ts'];
const EFFECTS = ['test/domain/effects.test.ts', ...AGENT];
const APPROVAL = ['test/domain/decide-approval.test.ts'];
const ASKED = ['test/domain/decide-asked-approval.test.ts'];
const HANDOVER = ['test/domain/decide-handover.test.ts'];
const ANSWER = ['test/domain/decide-answer-task.test.ts'];
const PROPERTIES = ['test/domain/decide-properties.test.ts'];

const approvals: readonly Mutation[] = [
  {
    name: 'approvals: anybody may answer',
    file: 'src/domain/decisions/approval.ts',
    find: 'if (approvers !== undefined && !approvers.includes(command.by))',
    replace: 'if (approvers !== undefined && approvers.length === 0)',
    tests: [...APPROVAL, ...ASKED],
  },
  {
    name: 'approvals: any choice is taken',
    file: 'src/domain/decisions/approval.ts',
    find: 'if (choice === undefined || !found.ask.choices.includes(choice))',
    replace: 'if (choice === undefined)',
    tests: [...APPROVAL, ...ASKED],
  },
  {
    name: 'approvals: the first of several choices is taken for none',
    file: 'src/domain/decisions/approval.ts',
    find: 'return choices.length === 1 ? choices[0] : undefined;',
    replace: 'return choices[0];',
    tests: [...APPROVAL, ...ASKED],
  },
  {
    name: 'approvals: an answered one is answered again',
    file: 'src/domain/decisions/find-approval.ts',
    find: '  if (asked?.answer !== undefined) return answered(approvalId, asked.answer);\n',
    replace: '',
    tests: ASKED,
  },
  {
    name: 'approvals: one is answered while its run is being cancelled',
    file: 'src/domain/decisions/find-approval.ts',
    find: "(ask !== undefined || isYetToCome(step)) && run.status === 'cancelling'",
    replace: "isYetToCome(step) && run.status === 'cancelling'",
    tests: ASKED,
  },
  {
    name: 'approvals: one is answered after the end of its run',
    file: 'src/domain/decisions/find-approval.ts',
    find: 'if (ask !== undefined && !isFinished(run.status))',
    replace: 'if (ask !== undefined)',
    tests: ASKED,
  },
  {
    name: 'approvals: rejecting goes on',
    file: 'src/domain/decisions/approval.ts',
    find: "if (answer.resolution === 'chosen')\n",
    replace: "if (answer.resolution !== 'expired')\n",
    tests: APPROVAL,
  },
  {
    name: 'approvals: time alone approves',
    file: 'src/domain/decisions/approval.ts',
    find: "if (answer.resolution === 'chosen')\n",
    replace: "if (answer.resolution !== 'rejected')\n",
    tests: APPROVAL,
  },
  {
    name: 'approvals: a timer that was answered in time is not taken back',
    file: 'src/domain/effects.ts',
    find: 'effects.cancelTimers.push(approvalTimerOf(event));',
    replace: '',
    tests: [...APPROVAL, ...ASKED],
  },
  {
    name: 'approvals: agents ask without end',
    file: 'src/domain/decisions/approval.ts',
    find: 'if (run.asked.length >= MAX_ASKED_APPROVALS)',
    replace: 'if (run.asked.length < 0)',
    tests: ASKED,
  },
  {
    name: 'approvals: a failure leaves a question open',
    file: 'src/domain/decisions/step-failure.ts',
    find: "else if (status === 'retrying' || status === 'waiting')",
    replace:
      "else if (status === 'retrying' || (status === 'waiting' && step.uses !== 'approval'))",
    tests: APPROVAL,
  },
];

const handovers: readonly Mutation[] = [
  {
    name: 'handovers: that of another attempt is taken',
    file: 'src/domain/decisions/handover.ts',
    find: ' || found.record.attempt !== attempt)',
    replace: ')',
    tests: HANDOVER,
  },
  {
    name: "handovers: a worker's task is handed on",
    file: 'src/domain/decisions/handover.ts',
    find: "  if (planned.performer !== 'agent') return false;\n",
    replace: "  if (planned.performer === 'engine') return false;\n",
    tests: HANDOVER,
  },
  {
    name: 'handovers: circles without end',
    file: 'src/domain/decisions/handover.ts',
    find: 'if (handovers >= MAX_HANDOVERS)',
    replace: 'if (handovers < 0)',
    tests: HANDOVER,
  },
  {
    name: 'handovers: what was handed on is lost with the next hand',
    file: 'src/domain/fold.ts',
    find: 'const { context = record.handover?.context } = event;',
    replace: 'const { context } = event;',
    tests: HANDOVER,
  },
  {
    name: 'handovers: an effect stays begun in other hands',
    file: 'src/domain/fold.ts',
    find: '      // Who hands an effect on says that it is not under way.\n      begun: undefined,\n',
    replace: '',
    tests: HANDOVER,
  },
  {
    name: 'handovers: a task given back leaves the queue that it was handed to',
    file: 'src/domain/decisions/advance.ts',
    find: '        ...(queue !== undefined && { queue }),\n',
    replace: '',
    tests: HANDOVER,
  },
  {
    name: 'handovers: the next attempt stays in other hands',
    file: 'src/domain/fold.ts',
    find: '  handover: undefined,\n  queue: undefined,\n',
    replace: '',
    tests: HANDOVER,
  },
  {
    name: 'handovers: a person answers for another',
    file: 'src/domain/decisions/handover.ts',
    find: 'if (name !== undefined && name !== by)',
    replace: 'if (name === "")',
    tests: ANSWER,
  },
  {
    name: 'handovers: a person answers for an agent',
    file: 'src/domain/decisions/handover.ts',
    find: "if (handover?.to.kind !== 'person' || !awaitsPerson(record))",
    replace: 'if (handover === undefined)',
    tests: ANSWER,
  },
  {
    name: "handovers: a person's output breaks the contract",
    file: 'src/domain/decisions/handover.ts',
    find: 'if (violations !== undefined && violations.length > 0)',
    replace: 'if (violations === undefined)',
    tests: ANSWER,
  },
  {
    name: 'handovers: who waits for people is miscounted',
    file: 'src/domain/fold.ts',
    find: 'Number(awaitsPerson(step)) - Number(awaitsPerson(before))',
    replace: 'Number(awaitsPerson(step))',
    tests: [...HANDOVER, ...PROPERTIES],
  },
];

const agents: readonly Mutation[] = [
  {
    name: 'agents: a timer of another purpose ends the wait for a person',
    file: 'src/domain/decisions/timer.ts',
    find: "return handover === undefined ? 'wait' : 'timeout';",
    replace: "return 'wait';",
    tests: [...HANDOVER, ...ANSWER],
  },
  {
    name: 'agents: a timer ends what stands in line',
    file: 'src/domain/decisions/timer.ts',
    find: "  if (status !== 'waiting') return undefined;\n",
    replace: '',
    tests: HANDOVER,
  },
  {
    name: 'agents: a timer ends what is over',
    file: 'src/domain/decisions/timer.ts',
    find: '  if (dueAtMs === undefined) return undefined;\n',
    replace: '',
    tests: APPROVAL,
  },
  {
    name: 'agents: the time limit is not set',
    file: 'src/domain/decisions/advance.ts',
    find: '        ...(dueAtMs !== undefined && { dueAtMs }),\n',
    replace: '',
    tests: AGENT,
  },
  {
    name: 'agents: giving a task back begins its time limit anew',
    file: 'src/domain/fold.ts',
    find: 'const dueAtMs = isGivenBack ? record.dueAtMs : undefined;',
    replace: 'const dueAtMs = undefined;',
    tests: AGENT,
  },
  {
    name: 'agents: a time limit that passed in line is forgotten',
    file: 'src/domain/decisions/advance.ts',
    find: 'if (dueAtMs !== undefined && dueAtMs <= decision.context.nowMs)',
    replace: 'if (dueAtMs !== undefined && dueAtMs < 0)',
    tests: AGENT,
  },
  {
    name: 'agents: a begun effect is retried when its time is up',
    file: 'src/domain/decisions/timer.ts',
    find: 'if (begun === true)',
    replace: 'if (begun === undefined && attempt < 0)',
    tests: AGENT,
  },
  {
    name: 'agents: a cancelled run waits for them',
    file: 'src/domain/decisions/control.ts',
    find: '  cancelAgentSteps(decision);\n',
    replace: '',
    tests: AGENT,
  },
  {
    name: 'agents: a begun effect is forgotten by a cancellation',
    file: 'src/domain/decisions/control.ts',
    find: 'if (begun === true)',
    replace: 'if (begun === undefined && attempt < 0)',
    tests: AGENT,
  },
  {
    name: 'agents: a task that timed out stays claimable',
    file: 'src/domain/effects.ts',
    find: 'if (ended.worker === undefined) effects.recall.push(ended.step);',
    replace: '',
    tests: EFFECTS,
  },
  {
    name: 'agents: a recall hits the next task of its step',
    file: 'src/domain/effects.ts',
    find: 'effects.recall.splice(at, 1);',
    replace: 'break;',
    tests: EFFECTS,
  },
  {
    name: 'agents: an expression chooses who does the work',
    file: 'src/domain/definition/agent-kind.ts',
    find: "if (typeof value === 'string' && value.includes('${{'))",
    replace: "if (typeof value === 'string' && value === '')",
    tests: ['test/domain/agent-kind.test.ts'],
  },
  {
    name: 'checkpoints without end',
    file: 'src/domain/decisions/checkpoint.ts',
    find: 'if (run.checkpoints.length >= MAX_CHECKPOINTS)',
    replace: 'if (run.checkpoints.length < 0)',
    tests: ['test/domain/decide-checkpoint.test.ts'],
  },
  {
    name: 'what the outside adds has no end',
    file: 'src/domain/decisions/history-full.ts',
    find: 'if (!isHistoryFull(decision)) return undefined;',
    replace: 'if (decision.run.version >= 0) return undefined;',
    tests: ['test/domain/decide-checkpoint.test.ts', ...HANDOVER, ...ASKED],
  },
];

const REPORT = ['test/application/report-task.test.ts'];
const ELICITATION = ['test/mcp/elicitation.test.ts'];

/** Between an agent or a person and the run. */
const reports: readonly Mutation[] = [
  {
    name: 'reports: count without the lease',
    file: 'src/application/agents/report-task.ts',
    find: '      acknowledge: lease,\n',
    replace: '',
    tests: REPORT,
  },
  {
    name: 'reports: another result passes for the same',
    file: 'src/application/agents/report-task.ts',
    find: '...(isResult && { digest: this.#digest() }),',
    replace: '',
    tests: REPORT,
  },
  {
    name: 'reports: a task is made up',
    file: 'src/application/agents/task-token.ts',
    find: 'if (end < 0 || token.slice(end + 1) !== macOf(secret, tenant, text)) return undefined;',
    replace: 'if (end < 0) return undefined;',
    tests: REPORT,
  },
  {
    name: 'handovers: count without the lease',
    file: 'src/application/agents/handoff-task.ts',
    find: '        acknowledge: lease,\n',
    replace: '',
    tests: ['test/application/handoff-task.test.ts'],
  },
  {
    name: 'claims: one that was repeated is taken back',
    file: 'src/application/agents/claim-task.ts',
    find: "if (await this.#settle(token, 'withdrawn')) await this.#giveBack(task, told);",
    replace: 'await this.#giveBack(task, told);',
    tests: ['test/simulation/simulation-agents.test.ts'],
  },
  {
    name: 'approvals: taken after their time, before the timer',
    file: 'src/domain/decisions/approval.ts',
    find: 'if (found.dueAtMs !== undefined && decision.context.nowMs >= found.dueAtMs)',
    replace: 'if (found.dueAtMs !== undefined && decision.context.nowMs < 0)',
    tests: APPROVAL,
  },
  {
    name: 'elicitation: asks a user who may not approve',
    file: 'src/mcp/ask-user.ts',
    find: 'if (approvers !== undefined && !approvers.includes(this.#person.name)) return false;',
    replace: '',
    tests: ELICITATION,
  },
  {
    name: 'elicitation: a server that changes nothing asks',
    file: 'src/mcp/server.ts',
    find: 'readOnly || !options.askUser',
    replace: '!options.askUser',
    tests: ELICITATION,
  },
];

/** Guards of what agents and people do in a run. */
export const AGENT_MUTATIONS: readonly Mutation[] = [
  ...approvals,
  ...handovers,
  ...agents,
  ...reports,
];
