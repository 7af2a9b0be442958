import { createHmac } from 'node:crypto';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  type InputRequiredResult,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Application } from '../application/application.ts';
import type { ApprovalView } from '../application/people/approval-view.ts';
import { quotedLines, visibleLine } from '../application/runs/visible-text.ts';
import type { CallContext } from '../application/use-case.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Logger } from '../ports/logger.ts';

/** How long one question may stand in the client before the call answers without it. */
export const QUESTION_TIMEOUT_MS = 300_000;
const REJECT = 'reject';
/** Characters that one takes at most when it is written out, as `\\u{10ffff}`. */
const MAX_WRITTEN_OUT = 10;

/** Calls that wait for a run: only these ask. */
const ASKING_TOOLS: ReadonlySet<string> = new Set(['await_workflow', 'request_approval']);

export interface AskUserOptions {
  readonly application: Application;
  readonly logger: Logger;
  /** The user at the other end of standard input: the operating system's, as at a terminal. */
  readonly person: string;
  /** Of the store. What travels through the client is signed with a key made from it. */
  readonly secret: string;
}

const questionSchema = z.object({ runId: z.string(), approvalId: z.string() });
type Question = z.infer<typeof questionSchema>;

const answerSchema = z.object({ answer: z.string(), comment: z.string().optional() });
const formSchema = z.object({ elicitation: z.looseObject({}) });

/**
 * Asks the client's user for approvals (elicitation) in the course of calls that wait for a run, where the client declares
 * that it can. One way for both protocol eras: the SDK turns `input_required` into a request of its own for clients before
 * 2026-07-28. The answer counts for the approval that was asked and no other: what the client sends back is signed.
 */
export class AskUser {
  readonly codec: RequestStateCodec<Question>;
  readonly #options: AskUserOptions;
  /** The user would rather not say, here: not asked again on this connection. */
  readonly #declined = new Set<string>();

  constructor(options: AskUserOptions) {
    this.#options = options;
    const key = createHmac('sha256', options.secret).update('elicitation').digest('hex');
    this.codec = createRequestStateCodec<Question>({
      key,
      ttlSeconds: QUESTION_TIMEOUT_MS / 1_000,
    });
  }

  /** Records what the user said to a question of an earlier round, if the call brings an answer. */
  async settle(context: CallContext, request: ServerContext): Promise<Question | undefined> {
    const asked = questionSchema.safeParse(request.mcpReq.requestState()).data;
    if (asked === undefined) return undefined;
    const said = acceptedContent(request.mcpReq.inputResponses, asked.approvalId, answerSchema);
    if (said === undefined) {
      this.#declined.add(nameOf(asked));
      return asked;
    }
    const { application, logger, person } = this.#options;
    const { answer, comment } = said;
    const isRejected = answer === REJECT;
    const resolved = await application.resolveApproval(context, {
      run_id: asked.runId,
      approval_id: asked.approvalId,
      resolution: isRejected ? 'rejected' : 'chosen',
      ...(!isRejected && { choice: await this.#choiceOf(context, asked, answer) }),
      ...(comment !== undefined && comment.trim() !== '' && { comment }),
      person: { name: person, via: 'elicitation' },
    });
    if (!resolved.ok) {
      this.#declined.add(nameOf(asked));
      logger.warn({ code: resolved.error.code, ...asked }, 'an answer of the user was refused');
    }
    return asked;
  }

  /** The question that has to be put to the user now; `undefined` when there is none, or nobody to put it to. */
  async question(
    call: { readonly name: string; readonly args: unknown; readonly request: ServerContext },
    context: CallContext,
    capabilities: object | undefined,
  ): Promise<InputRequiredResult | undefined> {
    const runId = runIdOf(call.args);
    if (runId === undefined || !ASKING_TOOLS.has(call.name)) return undefined;
    if (!canAsk(call.request, capabilities)) return undefined;
    const run = await this.#options.application.getWorkflow(context, { run_id: runId });
    if (!run.ok) return undefined;
    const open = run.value.approvals.find((approval) =>
      this.#mayAnswer(run.value.run_id, approval),
    );
    if (open === undefined) return undefined;
    const question = { runId: run.value.run_id, approvalId: open.approval_id };
    return inputRequired({
      inputRequests: { [open.approval_id]: formOf(run.value.workflow, open) },
      requestState: await this.codec.mint(question, call.request),
    });
  }

  /** What was offered under this label. */
  async #choiceOf(
    context: CallContext,
    { runId, approvalId }: Question,
    label: string,
  ): Promise<string> {
    const run = await this.#options.application.getWorkflow(context, { run_id: runId });
    const approvals = run.ok ? run.value.approvals : [];
    const choices = approvals.find((one) => one.approval_id === approvalId)?.choices ?? [];
    // None of them: refused when it is recorded.
    return choices[labelsOf(choices).indexOf(label)] ?? label;
  }

  #mayAnswer(runId: string, { approval_id, status, approvers }: ApprovalView): boolean {
    if (status !== 'waiting') return false;
    if (approvers !== undefined && !approvers.includes(this.#options.person)) return false;
    return !this.#declined.has(nameOf({ runId, approvalId: approval_id }));
  }
}

/** Of a call that asks anew for what this round's answer was about: the approval that stands already. */
export function argumentsAfter(asked: Question | undefined, name: string, args: unknown): unknown {
  if (asked === undefined || name !== 'request_approval') return args;
  return {
    run_id: asked.runId,
    approval_id: asked.approvalId,
    wait_seconds: 0,
  } satisfies JsonObject;
}

/** Who asks stands before what is asked: no question, however long, pushes it out of sight or says otherwise. */
function formOf(workflow: string, { question, choices, asked_by, approval_id }: ApprovalView) {
  const by = asked_by === undefined ? 'the workflow' : visibleLine(asked_by);
  return inputRequired.elicit({
    message: [
      `Approval "${visibleLine(approval_id)}" in workflow "${visibleLine(workflow)}"`,
      `asked by ${by}, whose words stand behind the bar:`,
      ...quotedLines(question, question.length * MAX_WRITTEN_OUT),
    ].join('\n'),
    requestedSchema: {
      type: 'object',
      properties: {
        answer: { type: 'string', title: 'Answer', enum: [...labelsOf(choices), REJECT] },
        comment: { type: 'string', title: 'Comment' },
      },
      required: ['answer'],
    },
  });
}

/** Choices as a person reads them, each different from the others and from the answer that rejects. */
function labelsOf(choices: readonly string[]): string[] {
  const labels: string[] = [];
  for (const choice of choices) {
    const shown = visibleLine(choice, choice.length * MAX_WRITTEN_OUT);
    let label = shown;
    for (let at = 2; label === REJECT || labels.includes(label); at += 1)
      label = `${shown} (${at})`;
    labels.push(label);
  }
  return labels;
}

/** `elicitation: {}` means forms; a client that names modes must name that one. */
function canAsk({ mcpReq }: ServerContext, capabilities: object | undefined): boolean {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  const declared = formSchema.safeParse(envelope[CLIENT_CAPABILITIES_META_KEY] ?? capabilities);
  if (!declared.success) return false;
  const { elicitation } = declared.data;
  return Object.keys(elicitation).length === 0 || 'form' in elicitation;
}

function runIdOf(args: unknown): string | undefined {
  return z.object({ run_id: z.string() }).safeParse(args).data?.run_id.trim();
}

function nameOf({ runId, approvalId }: Question): string {
  return `${runId}/${approvalId}`;
}
