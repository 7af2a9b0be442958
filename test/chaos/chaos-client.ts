import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../simulation/random.ts';
import type { CallAnswer } from '../e2e/baton-process.ts';
import { readAnswer, type ToldAnswer } from './told-answer.ts';
import { DEFINITIONS, MIX, type WorkflowName } from './workflows.ts';

/** Who answers tool calls now. Rejects when it is gone, perhaps in the middle of the call. */
export interface ToolCaller {
  call(tool: string, args: Record<string, unknown>): Promise<CallAnswer>;
}

export type IntentKind = 'start' | 'signal' | 'cancel' | 'resolve';

/** Something that the client wants done once; it repeats it with the same key until it knows what became of it. */
export interface Intent {
  readonly kind: IntentKind;
  /** Its idempotency key. */
  readonly key: string;
  readonly run: ClientRun;
  readonly sendings: { readonly sentAtMs: number; answeredAtMs?: number; answer?: ToldAnswer }[];
}

export interface ClientRun {
  readonly workflow: WorkflowName;
  /** Known as soon as a start was answered. */
  runId?: string;
  /** When the client was first told that it was accepted (epoch ms). */
  acceptedAtMs?: number;
  isFinished: boolean;
}

const LANES = 4;
const MAX_OPEN_RUNS = 12;
const PACE_MS = 110;
const RETRY_PAUSE_MS = 60;

/** Starts, signals and cancels runs as a careful client does, and writes down every answer. */
export class ChaosClient {
  readonly runs: ClientRun[] = [];
  readonly intents: Intent[] = [];
  /** What no client may ever be told. */
  readonly complaints: string[] = [];
  readonly #random: Random;
  readonly #logPath: string;
  readonly #caller: () => Promise<ToolCaller>;
  readonly #open: Intent[] = [];
  readonly #isLossy: boolean;
  #lanes: Promise<unknown> = Promise.resolve();
  #isStarting = false;
  #isOver = false;

  /** `caller` waits until there is a server that answers. */
  constructor(parts: {
    readonly random: Random;
    readonly logPath: string;
    caller(): Promise<ToolCaller>;
    /** Runs that were accepted may be gone. */
    readonly isLossy: boolean;
  }) {
    this.#random = parts.random;
    this.#logPath = parts.logPath;
    this.#caller = () => parts.caller();
    this.#isLossy = parts.isLossy;
  }

  /** Before the first fault: what cannot be registered would hide everything. */
  async register(): Promise<void> {
    const caller = await this.#caller();
    for (const definition of DEFINITIONS) {
      const answer = await caller.call('register_workflow', { definition });
      if (answer.isError) throw new Error(answer.text);
    }
  }

  begin(): void {
    this.#isStarting = true;
    this.#isOver = false;
    const lanes = Array.from({ length: LANES }, () => this.#lane());
    this.#lanes = Promise.all([...lanes, this.#starter(), this.#watcher()]);
  }

  /** Starts no more runs. */
  pauseStarts(): void {
    this.#isStarting = false;
  }

  /** Ends when every intent is answered for good and every run has ended; false when the time is up before. */
  async settle(limitMs: number): Promise<boolean> {
    this.#isStarting = false;
    const untilMs = performance.now() + limitMs;
    while (performance.now() < untilMs && !this.#isSettled()) await pause(RETRY_PAUSE_MS);
    this.#isOver = true;
    await this.#lanes;
    return this.#isSettled();
  }

  /** A start that somebody else may have been accepted with: the same key again. */
  repeatStart(key: string): void {
    const run: ClientRun = { workflow: 'chaos-flow', isFinished: false };
    this.runs.push(run);
    this.#want('start', run, key);
  }

  /** What had ended may be under way again: every run is looked at once more. */
  lookAgain(): void {
    for (const run of this.runs) run.isFinished = false;
  }

  /** At once: nothing is waited for. */
  stop(): void {
    this.#isStarting = false;
    this.#isOver = true;
  }

  /** What `settle` still waits for, for people. */
  unsettled(): string {
    const runs = this.#openRuns().map(({ workflow, runId }) => `${workflow} ${runId ?? '?'}`);
    const asked = this.#open.map(({ kind, key }) => `${kind} ${key}`);
    return [...runs, ...asked].join(', ');
  }

  #isSettled(): boolean {
    return this.#open.length === 0 && this.runs.every(({ isFinished }) => isFinished);
  }

  async #starter(): Promise<void> {
    for (; !this.#isOver; await pause(PACE_MS)) {
      if (!this.#isStarting || this.#openRuns().length >= MAX_OPEN_RUNS) continue;
      const run: ClientRun = { workflow: this.#random.pick(MIX), isFinished: false };
      this.runs.push(run);
      this.#want('start', run, `start-${this.runs.length}`);
    }
  }

  #openRuns(): ClientRun[] {
    return this.runs.filter(({ isFinished }) => !isFinished);
  }

  #want(kind: IntentKind, run: ClientRun, key: string): void {
    const intent: Intent = { kind, key, run, sendings: [] };
    this.intents.push(intent);
    this.#open.push(intent);
  }

  async #lane(): Promise<void> {
    while (!this.#isOver) {
      const intent = this.#open.shift();
      if (intent === undefined || !(await this.#send(intent))) await pause(RETRY_PAUSE_MS);
    }
  }

  /** Whether it is settled for good. */
  async #send(intent: Intent): Promise<boolean> {
    const sending: Intent['sendings'][number] = { sentAtMs: Date.now() };
    const [tool, args] = callOf(intent);
    try {
      const caller = await this.#caller();
      intent.sendings.push(sending);
      const answer = await caller.call(tool, args);
      sending.answer = readAnswer(answer);
      sending.answeredAtMs = Date.now();
      this.#heed(intent, answer);
    } catch (error) {
      // The server is gone: whether it was done is not known.
      this.#log(intent, String(error));
    }
    const isOpen = sending.answer === undefined || sending.answer.kind === 'unavailable';
    if (isOpen) this.#open.push(intent);
    return !isOpen;
  }

  #heed(intent: Intent, answer: CallAnswer): void {
    this.#log(intent, answer.text);
    const told = intent.sendings.at(-1)?.answer;
    if (told?.kind === 'defect') this.complaints.push(`${intent.key}: ${answer.text}`);
    if (intent.kind === 'start' && told?.kind === 'committed')
      this.#accepted(intent, String(answer.structured['run_id']));
  }

  #accepted({ key, run }: Intent, runId: string): void {
    if (run.runId !== undefined && run.runId !== runId)
      this.complaints.push(`${key} gave two runs: ${run.runId} and ${runId}`);
    const isNews = run.runId === undefined;
    run.runId = runId;
    run.acceptedAtMs ??= Date.now();
    if (!isNews) return;
    if (run.workflow === 'chaos-signal') this.#want('signal', run, 'go');
    if (this.#random.chance(0.06)) this.#want('cancel', run, 'stop');
  }

  #log({ kind, key, run }: Intent, text: string): void {
    const line = { atMs: Date.now(), kind, key, runId: run.runId, text: text.slice(0, 400) };
    appendFileSync(this.#logPath, `${JSON.stringify(line)}\n`);
  }

  /** Waits for runs, oldest first, and decides what became of unsafe steps whose outcome is unknown. */
  async #watcher(): Promise<void> {
    while (!this.#isOver) {
      const known = this.#openRuns().filter(({ runId }) => runId !== undefined);
      await Promise.all(known.slice(0, 6).map((run) => this.#look(run)));
      if (known.length < 6) await pause(RETRY_PAUSE_MS);
    }
  }

  async #look(run: ClientRun): Promise<void> {
    try {
      const caller = await this.#caller();
      const seen = await caller.call('await_workflow', { run_id: run.runId, wait_seconds: 0 });
      if (seen.isError) return await this.#unseen(run, readAnswer(seen));
      run.isFinished = seen.structured['finished'] === true;
      if (this.#isLossy && seen.text.includes('signal_workflow')) this.#repeatSignal(run);
      const isUndecided = !run.isFinished && /"?resolution"?/.test(seen.text);
      if (isUndecided) this.#resolve(run, seen.text);
    } catch {
      await pause(RETRY_PAUSE_MS);
    }
  }

  /** It was recorded, and may be gone: the same signal again. */
  #repeatSignal(run: ClientRun): void {
    const signal = this.intents.find((one) => one.kind === 'signal' && one.run === run);
    if (signal === undefined || this.#open.includes(signal) || isUnderWay(signal)) return;
    this.#open.push(signal);
  }

  async #unseen(run: ClientRun, told: ToldAnswer): Promise<void> {
    if (told.kind !== 'unknownRun') {
      await pause(RETRY_PAUSE_MS);
      return;
    }
    if (!this.#isLossy) this.complaints.push(`I1: accepted run ${run.runId ?? ''} is unknown`);
    run.isFinished = true;
  }

  /** One decision for each time that somebody has to decide. */
  #resolve(run: ClientRun, text: string): void {
    const earlier = this.intents.filter((one) => one.kind === 'resolve' && one.run === run);
    if (earlier.some((intent) => this.#open.includes(intent) || isUnderWay(intent))) return;
    this.#log({ kind: 'resolve', key: 'why', run, sendings: [] }, text);
    this.#want('resolve', run, `resolve-${earlier.length + 1}`);
  }
}

function isUnderWay({ sendings }: Intent): boolean {
  const last = sendings.at(-1);
  return last === undefined || last.answer === undefined || last.answer.kind === 'unavailable';
}

function callOf({ kind, key, run }: Intent): [tool: string, args: Record<string, unknown>] {
  const more = { idempotency_key: key };
  if (kind === 'start') return ['start_workflow', { workflow: run.workflow, ...more }];
  const about = { run_id: run.runId, ...more };
  if (kind === 'cancel') return ['cancel_workflow', about];
  if (kind === 'signal') return ['signal_workflow', { ...about, name: 'go' }];
  return ['signal_workflow', { ...about, step_id: 'risky', resolution: 'retry' }];
}
