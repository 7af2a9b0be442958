import { StoreUnavailableError, type CommitResult } from '../../src/ports/run-store.ts';
import type { Claimed, Lease } from '../../src/ports/work-source.ts';
import type { Store } from '../../src/ports/store.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { LeaseWitness } from './lease-witness.ts';
import { never, type VirtualTime } from './virtual-time.ts';

/** What a store's callers see of the process they live in. */
export interface Process {
  readonly name: string;
  readonly isDead: boolean;
  /** While the process is frozen: when it goes on. */
  thawed(): Promise<void> | undefined;
  crash(): void;
}

/**
 * A process's way to the store, through a network that delays, loses and reorders, and in a process that may die at
 * any point of a call: a request may be applied though nobody lives to hear the answer.
 */
export function createFaultyStore(ports: {
  readonly store: Store;
  readonly time: VirtualTime;
  readonly process: Process;
  readonly faults: FaultPlan;
  readonly witness: LeaseWitness;
  trace(line: string): void;
}): Store {
  const { store, time, process, faults, witness } = ports;

  const travel = async <Value>(
    name: string,
    apply: () => Promise<Value>,
    lost: (reason: string) => Value,
  ): Promise<Value> => {
    if (process.isDead) return never();
    time.countCall();
    await process.thawed();
    const fault = faults.draw(process.name);
    if (fault.kind === 'crash-before') process.crash();
    if (fault.kind === 'crash-before' && fault.delayMs === 0) return never();
    if (fault.delayMs > 0) await time.sleep(fault.delayMs, faults.healed);
    if (fault.kind === 'request-lost') return isGone() ? never() : lost('no connection');
    const answer = await apply();
    ports.trace(`${process.name} ${name} ${fault.kind} ${kindOf(answer)}`);
    if (fault.kind === 'crash-after' && !faults.healed.aborted) process.crash();
    if (fault.replyDelayMs > 0) await time.sleep(fault.replyDelayMs, faults.healed);
    await process.thawed();
    if (isGone()) return never();
    return fault.kind === 'reply-lost' ? lost('the reply was lost') : answer;
  };
  const isGone = (): boolean => process.isDead;

  const claimed = async <Work extends { readonly lease: Lease }>(
    claim: Promise<Claimed<Work>>,
  ): Promise<Claimed<Work>> => {
    const answer = await claim;
    for (const { lease } of answer.work) witness.given(lease);
    return answer;
  };

  const read = <Value>(name: string, apply: () => Promise<Value>): Promise<Value> =>
    travel(name, apply, (reason): never => {
      throw new StoreUnavailableError(reason);
    });

  return {
    secret: store.secret,
    commit: (request) =>
      travel<CommitResult>(
        `commit ${request.key.runId} ${request.commands.map(({ id }) => id).join(',')}`,
        async () => {
          const judge = witness.watch(request);
          const result = await store.commit(request);
          judge(result);
          return result;
        },
        (reason) => ({ kind: 'storeUnavailable', reason }),
      ),
    load: (key, afterVersion) => read('load', () => store.load(key, afterVersion)),
    findCommand: (key, id) => read('findCommand', () => store.findCommand(key, id)),
    readHistory: (key, from, limit) => read('history', () => store.readHistory(key, from, limit)),
    listRuns: (query) => read('listRuns', () => store.listRuns(query)),
    scanRuns: (limit, cursor) => read('scanRuns', () => store.scanRuns(limit, cursor)),
    replaceIndex: (key, version, entry) =>
      read('replaceIndex', () => store.replaceIndex(key, version, entry)),
    purgeFinished: (rule) => read('purge', () => store.purgeFinished(rule)),
    claimTasks: (request) => read('claimTasks', () => claimed(store.claimTasks(request))),
    claimEngineWork: (request) => read('claimWork', () => claimed(store.claimEngineWork(request))),
    renew: (lease, durationMs, heartbeat) =>
      read('renew', () => store.renew(lease, durationMs, heartbeat)),
    release: (lease) => read('release', () => store.release(lease)),
    discard: (lease) => read('discard', () => store.discard(lease)),
    openWork: (key) => read('openWork', () => store.openWork(key)),
    queueDepths: () => read('queueDepths', () => store.queueDepths()),
    register: (definition) => read('register', () => store.register(definition)),
    findByHash: (tenant, hash) => read('findByHash', () => store.findByHash(tenant, hash)),
    findByName: (tenant, name, version) =>
      read('findByName', () => store.findByName(tenant, name, version)),
    listDefinitions: (tenant, limit, after) =>
      read('listDefinitions', () => store.listDefinitions(tenant, limit, after)),
    getValue: (namespace, key) => read('getValue', () => store.getValue(namespace, key)),
    listValues: (namespace) => read('listValues', () => store.listValues(namespace)),
    setValue: (namespace, key, value, options) =>
      read('setValue', () => store.setValue(namespace, key, value, options)),
    deleteValue: (namespace, key, revision) =>
      read('deleteValue', () => store.deleteValue(namespace, key, revision)),
    putArtifact: (key, artifact) => read('putArtifact', () => store.putArtifact(key, artifact)),
    getArtifact: (key, id) => read('getArtifact', () => store.getArtifact(key, id)),
    publish: (tenant, messages) => read('publish', () => store.publish(tenant, messages)),
    readFeed: (request) => read('readFeed', () => store.readFeed(request)),
    feedEnd: () => read('feedEnd', () => store.feedEnd()),
    countFeed: (after, most) => read('countFeed', () => store.countFeed(after, most)),
    feedStatus: () => read('feedStatus', () => store.feedStatus()),
    // A notice is a hint: it may never come.
    onChange: (listener) =>
      store.onChange((change) => {
        if (!process.isDead && !faults.dropsNotice()) listener(change);
      }),
    describe: () => read('describe', () => store.describe()),
    close: () => store.close(),
  };
}

function kindOf(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return String(answer);
  if ('kind' in answer) return String(answer.kind);
  if ('work' in answer && Array.isArray(answer.work)) return `${answer.work.length} claimed`;
  return 'version' in answer ? `version ${String(answer.version)}` : 'answered';
}
