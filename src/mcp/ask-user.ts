import { createHash, createHmac } from 'node:crypto';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
  type InputRequests,
  type InputRequiredResult,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Caller } from '../application/access/access.ts';
import type { Application } from '../application/application.ts';
import type { ApprovalView } from '../application/people/approval-view.ts';
import { personOfKey, type Person } from '../application/people/person.ts';
import type { CallContext } from '../application/use-case.ts';
import { canonicalJson } from '../domain/definition/canonical-json.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Logger } from '../ports/logger.ts';
import { approvalForm, labelsOf, REJECT } from './approval-form.ts';
import { callerIdOf } from './caller-id.ts';
import type { DeclinedQuestions } from './declined-questions.ts';

/** How long one question may stand in the client before the call answers without it. */
export const QUESTION_TIMEOUT_MS = 300_000;

/** Calls that wait for a run: only these ask. */
const ASKING_TOOLS: ReadonlySet<string> = new Set(['await_workflow', 'request_approval']);

export interface AskUserOptions {
  readonly application: Application;
  readonly logger: Logger;
  readonly caller: Caller;
  /** Whose answers count as whose where the caller has no key: the operating system's user, as at a terminal. */
  readonly person: string;
  /** Of the store. What travels through the client is signed with a key made from it. */
  readonly secret: string;
  readonly declined: DeclinedQuestions;
}

const questionSchema = z.object({ runId: z.string(), approvalId: z.string() });
type Question = z.infer<typeof questionSchema>;

/** What was asked, and of the call of which tool with which arguments. */
const askedSchema = questionSchema.extend({ call: z.string() });
type Asked = z.infer<typeof askedSchema>;

export interface AskingCall {
  readonly name: string;
  readonly args: unknown;
  readonly request: ServerContext;
}

const answerSchema = z.object({ answer: z.string(), comment: z.string().optional() });
const formSchema = z.object({ elicitation: z.looseObject({}) });

/**
 * Asks the client's user for approvals (elicitation) in the course of calls that wait for a run, where the client declares
 * that it can. One way for both protocol eras: the SDK turns `input_required` into a request of its own for clients before
 * 2026-07-28. The answer counts for the approval that was asked and no other, from the caller and the call that were asked:
 * what the client sends back is signed, so that any process of the store can read it.
 */
export class AskUser {
  readonly codec: RequestStateCodec<Asked>;
  readonly #options: AskUserOptions;
  readonly #callerId: string;
  readonly #person: Person;

  constructor(options: AskUserOptions) {
    const { caller, person, secret } = options;
    this.#options = options;
    this.#callerId = callerIdOf(caller);
    this.#person = personOfKey(caller) ?? { name: person, via: 'elicitation' };
    this.codec = createRequestStateCodec<Asked>({
      key: createHmac('sha256', secret).update('elicitation').digest('hex'),
      ttlSeconds: QUESTION_TIMEOUT_MS / 1_000,
      bind: () => this.#callerId,
    });
  }

  /** Records what the user said to a question of an earlier round, if the call brings an answer. */
  async settle(context: CallContext, call: AskingCall): Promise<Question | undefined> {
    const { mcpReq } = call.request;
    const asked = askedSchema.safeParse(mcpReq.requestState()).data;
    if (asked === undefined) return undefined;
    if (asked.call !== digestOfCall(call)) throw foreignState();
    const { runId, approvalId } = asked;
    await this.#record(context, { runId, approvalId }, mcpReq.inputResponses, approvalId);
    return { runId, approvalId };
  }

  /** The question that has to be put to the user now; `undefined` when there is none, or nobody to put it to. */
  async question(
    call: AskingCall,
    context: CallContext,
    capabilities: object | undefined,
  ): Promise<InputRequiredResult | undefined> {
    const runId = runIdOf(call.args);
    if (runId === undefined || !ASKING_TOOLS.has(call.name)) return undefined;
    if (!canAsk(call.request, capabilities)) return undefined;
    const [open] = await this.#open(context, runId);
    if (open === undefined) return undefined;
    const { approval_id } = open.approval;
    const asked = { runId: open.runId, approvalId: approval_id, call: digestOfCall(call) };
    return inputRequired({
      inputRequests: { [approval_id]: approvalForm(open.workflow, open.approval) },
      requestState: await this.codec.mint(asked, call.request),
    });
  }

  /** All questions of a run that the user has to answer, each under a key that never means another. */
  async questions(
    context: CallContext,
    runId: string,
    request: ServerContext,
  ): Promise<InputRequests> {
    if (!canAsk(request, undefined)) return {};
    const open = await this.#open(context, runId);
    return Object.fromEntries(
      open.map(({ workflow, approval }) => [keyOf(approval), approvalForm(workflow, approval)]),
    );
  }

  /** Records answers to what `questions` answered; those to anything else are left alone. */
  async answer(
    context: CallContext,
    runId: string,
    responses: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    for (const { approval } of await this.#open(context, runId)) {
      const key = keyOf(approval);
      const question = { runId, approvalId: approval.approval_id };
      if (Object.hasOwn(responses, key)) await this.#record(context, question, responses, key);
    }
  }

  async #open(context: CallContext, runId: string) {
    const run = await this.#options.application.getWorkflow(context, { run_id: runId });
    if (!run.ok) return [];
    const { run_id, workflow, approvals } = run.value;
    return approvals
      .filter((approval) => this.#mayAnswer(run_id, approval))
      .map((approval) => ({ runId: run_id, workflow, approval }));
  }

  async #record(
    context: CallContext,
    asked: Question,
    responses: Readonly<Record<string, unknown>> | undefined,
    key: string,
  ): Promise<void> {
    const { application, logger, declined } = this.#options;
    const said = acceptedContent(responses, key, answerSchema);
    if (said === undefined) {
      declined.add(this.#nameOf(asked));
      return;
    }
    const { answer, comment } = said;
    const isRejected = answer === REJECT;
    const resolved = await application.resolveApproval(context, {
      run_id: asked.runId,
      approval_id: asked.approvalId,
      resolution: isRejected ? 'rejected' : 'chosen',
      ...(!isRejected && { choice: await this.#choiceOf(context, asked, answer) }),
      ...(comment !== undefined && comment.trim() !== '' && { comment }),
      person: this.#person,
    });
    if (resolved.ok) return;
    declined.add(this.#nameOf(asked));
    logger.warn({ code: resolved.error.code, ...asked }, 'an answer of the user was refused');
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
    if (approvers !== undefined && !approvers.includes(this.#person.name)) return false;
    return !this.#options.declined.has(this.#nameOf({ runId, approvalId: approval_id }));
  }

  #nameOf({ runId, approvalId }: Question): string {
    return `${this.#callerId}/${runId}/${approvalId}`;
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

/** An approval's name may come again in a run that is repeated or retried; then it was asked at another time. */
function keyOf({ approval_id, asked_at = '' }: ApprovalView): string {
  return `${approval_id}@${asked_at}`;
}

function digestOfCall({ name, args }: AskingCall): string {
  // What is no acceptable JSON is refused by the tool.
  const text = canonicalJson([name, args ?? {}]) ?? '';
  return createHash('sha256').update(text).digest('base64url');
}

/** As the SDK answers a state that was tampered with. */
function foreignState(): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid or expired requestState', {
    reason: 'invalid_request_state',
  });
}
