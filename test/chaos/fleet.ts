import { setTimeout as pause } from 'node:timers/promises';
import type { Launch } from './launch.ts';
import { startMcpServer, type McpServer } from './mcp-server.ts';
import { childrenOf, commandLineOf, endProcess, isAlive, untilGone } from './processes.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** The first worker has a supervisor, the second none: both are ways to run one. */
export const ROLES = ['server', 'worker-1', 'worker-2'] as const;
export type Role = (typeof ROLES)[number];
export const WORKERS: readonly Role[] = ['worker-1', 'worker-2'];

const SUPERVISED: Role = 'worker-1';
const UNSUPERVISED_ARGS: Readonly<Partial<Record<Role, readonly string[]>>> = {
  'worker-2': ['--no-watchdog'],
};
const POLL_MS = 20;
/** A process that is killed is gone at once; what takes longer is a finding. */
const DEATH_LIMIT_MS = 5_000;
/** A worker whose supervisor was killed drains: its running steps get 10 s. */
const DRAIN_LIMIT_MS = 20_000;
const START_LIMIT_MS = 40_000;
/** A supervisor waits longer and longer before it replaces workers that die soon: then it is killed as well. */
const MAX_ENGINE_KILLS = 2;

interface Member {
  readonly pid: number;
  readonly server?: McpServer;
  readonly worker?: WorkerProcess;
}

/** One server and two workers on one store, each brought back when it has been killed. */
export class Fleet {
  /** What the processes did that they must not. */
  readonly complaints: string[] = [];
  readonly #launchOf: (role: Role) => Launch;
  readonly #members = new Map<Role, Member>();
  readonly #starting = new Map<Role, Promise<void>>();
  /** Every process that was ever here, to be ended whatever happens. */
  readonly #pids = new Set<number>();
  readonly #orphans: number[] = [];
  #engineKills = 0;
  #isOver = false;

  constructor(launch: (role: Role) => Launch) {
    this.#launchOf = launch;
  }

  /** Starts it, again and again while the store cannot be reached; shared by who asks at the same time. */
  start(role: Role): Promise<void> {
    const known = this.#starting.get(role);
    if (known !== undefined) return known;
    const pid = this.#members.get(role)?.pid;
    // Two of them would hide what becomes of one.
    if (pid !== undefined && isAlive(pid)) throw new Error(`${role} runs already`);
    const starting = this.#start(role).finally(() => this.#starting.delete(role));
    this.#starting.set(role, starting);
    return starting;
  }

  /** All are there: what died is started again. */
  async untilReady(): Promise<void> {
    for (const role of ROLES) {
      await this.#starting.get(role);
      const pid = this.#members.get(role)?.pid;
      if (pid === undefined || !isAlive(pid)) await this.start(role);
      else await this.#untilEngine(role);
    }
  }

  /** Those that are there now. */
  get ready(): Role[] {
    return ROLES.filter((role) => this.enginePid(role) !== undefined);
  }

  /** Waits for a server that is not known to be gone. */
  async server(): Promise<McpServer> {
    for (;;) {
      const { server } = this.#members.get('server') ?? {};
      if (server !== undefined) return server;
      if (this.#isOver) throw new Error('the fleet is over');
      await pause(POLL_MS);
    }
  }

  member(role: Role): Member | undefined {
    return this.#members.get(role);
  }

  /** The process that does the work: the supervisor's child where there is a supervisor. */
  enginePid(role: Role): number | undefined {
    const { pid: top, worker } = this.#members.get(role) ?? {};
    if (top === undefined || !isAlive(top)) return undefined;
    if (worker?.isSupervisor !== true) return top;
    return childrenOf(top).find((pid) => commandLineOf(pid).includes('--supervised'));
  }

  /** kill -9 of the process that works. */
  kill(role: Role): void {
    const engine = this.enginePid(role);
    if (engine === undefined) return;
    this.#note(role);
    endProcess(engine);
  }

  /** kill -9 of the supervisor alone, where there is one: its worker must end by itself, after its running steps. */
  killTop(role: Role): number | undefined {
    const top = this.#members.get(role)?.pid;
    if (top === undefined) return undefined;
    this.#note(role);
    const engine = this.enginePid(role);
    if (engine !== undefined && engine !== top) this.#orphans.push(engine);
    endProcess(top);
    return top;
  }

  /** After the death of this process: brings the role back. */
  async recover(role: Role, killed: number): Promise<void> {
    if (!(await untilGone(killed, DEATH_LIMIT_MS)))
      this.complaints.push(`${role}: process ${killed} outlived its kill`);
    const top = this.#members.get(role)?.pid;
    const isWatched = top !== undefined && top !== killed && isAlive(top);
    if (isWatched && (this.#engineKills += 1) <= MAX_ENGINE_KILLS) return this.#untilEngine(role);
    if (isWatched) this.killTop(role);
    if (top !== undefined) await untilGone(top, DEATH_LIMIT_MS);
    await this.start(role);
  }

  signal(role: Role, signal: NodeJS.Signals): void {
    const pid = this.enginePid(role);
    if (pid !== undefined) endProcess(pid, signal);
  }

  /** What killed supervisors left has ended by itself: nothing works unseen beside its successor. */
  async untilNoOrphans(): Promise<void> {
    for (const pid of this.#orphans.splice(0))
      if (!(await untilGone(pid, DRAIN_LIMIT_MS)))
        this.complaints.push(`worker ${pid} outlived its killed supervisor`);
  }

  /** Ends everything that was started, by its id. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const role of ROLES) this.#note(role);
    this.endNow();
    await Promise.allSettled(this.#starting.values());
    this.endNow();
    for (const pid of this.#pids) await untilGone(pid, DEATH_LIMIT_MS);
  }

  endNow(): void {
    for (const pid of this.#pids) if (isAlive(pid)) endProcess(pid);
  }

  async #start(role: Role): Promise<void> {
    const untilMs = performance.now() + START_LIMIT_MS;
    this.#members.delete(role);
    if (role === SUPERVISED) this.#engineKills = 0;
    for (;;) {
      try {
        const member = await this.#launch(role);
        this.#members.set(role, member);
        this.#note(role);
        void member.server?.ended.then(() => this.#forget(role, member));
        void member.worker?.ended.then(() => this.#forget(role, member));
        return;
      } catch (error) {
        if (this.#isOver) return;
        if (performance.now() > untilMs) throw error;
        await pause(POLL_MS * 10);
      }
    }
  }

  async #launch(role: Role): Promise<Member> {
    const launch = this.#launchOf(role);
    if (role === 'server') {
      const server = await startMcpServer(launch);
      return { pid: server.pid, server };
    }
    const worker = await startWorker(launch, UNSUPERVISED_ARGS[role]);
    return { pid: worker.pid, worker };
  }

  #forget(role: Role, member: Member): void {
    if (this.#members.get(role) === member) this.#members.delete(role);
  }

  #note(role: Role): void {
    const top = this.#members.get(role)?.pid;
    const engine = this.enginePid(role);
    if (top !== undefined) this.#pids.add(top);
    if (engine !== undefined) this.#pids.add(engine);
  }

  async #untilEngine(role: Role): Promise<void> {
    const untilMs = performance.now() + START_LIMIT_MS;
    while (this.enginePid(role) === undefined) {
      const top = this.#members.get(role)?.pid;
      if (top === undefined || !isAlive(top)) return this.start(role);
      if (performance.now() > untilMs) throw new Error(`${role} did not come back`);
      await pause(POLL_MS);
    }
    this.#note(role);
  }
}
