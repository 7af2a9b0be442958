import {
  loadBullmq,
  type BullmqJob,
  type BullmqLibrary,
  type FlowJob,
  type JobOptions,
} from './bullmq-library.ts';
import { PAYLOAD, type ProcessSpec, type System, type SystemEvents } from './system.ts';

const QUEUE = 'bench';
/** The job whose end is the run's: in a flow the parent of all. */
const LAST = 's2';
const HELD = 's1';

/** BullMQ as its documentation says: one Worker a process, local concurrency, no blocking client shared. */
export async function openBullmq(spec: ProcessSpec, events: SystemEvents): Promise<System> {
  const library = loadBullmq();
  const connection = {
    path: spec.socket,
    maxRetriesPerRequest: null,
    enableAutoPipelining: spec.autoPipelining ?? false,
  };
  const opts = { removeOnComplete: spec.removesFinished ?? false };
  const starter =
    spec.role === 'worker' ? undefined : await openStarter(library, spec, { connection }, opts);
  const worker =
    spec.role === 'starter'
      ? undefined
      : new library.Worker(QUEUE, (job) => perform(job, spec, events), {
          connection,
          concurrency: spec.slots,
        });
  worker?.on('completed', ({ name }) => {
    if (name === LAST) events.ended();
  });
  worker?.on('error', (error) => console.error('BullMQ:', error.message));
  worker?.on('failed', (_job, error) => console.error('BullMQ, a job failed:', error.message));
  await worker?.waitUntilReady();
  return {
    start: async () => {
      if (starter === undefined) throw new Error('this process starts nothing');
      await starter.start();
    },
    close: async () => {
      await worker?.close();
      await starter?.close();
    },
  };
}

async function openStarter(
  { FlowProducer, Queue }: BullmqLibrary,
  { workload, pattern = 'flow' }: ProcessSpec,
  options: ConstructorParameters<BullmqLibrary['Queue']>[1],
  opts: JobOptions,
): Promise<System> {
  const isFlow = workload === 'three-steps' && pattern === 'flow';
  const data = { payload: PAYLOAD };
  if (isFlow) {
    const flows = new FlowProducer(options);
    await flows.waitUntilReady();
    const job = (name: string, children?: FlowJob[]): FlowJob => ({
      ...{ name, queueName: QUEUE, data, opts },
      ...(children && { children }),
    });
    // Children come first: the innermost is the first step.
    const start = async (): Promise<void> => {
      await flows.add(job(LAST, [job(HELD, [job('s0')])]));
    };
    return { start, close: () => flows.close() };
  }
  const queue = new Queue(QUEUE, options);
  await queue.waitUntilReady();
  const start = async (): Promise<void> => {
    await queue.add(LAST, data, opts);
  };
  return { start, close: () => queue.close() };
}

async function perform(
  job: BullmqJob,
  { workload, pattern, holds }: ProcessSpec,
  events: SystemEvents,
): Promise<string> {
  if (workload === 'three-steps' && pattern === 'step-job') {
    // Its "process step jobs" pattern: what is done stands in the job's data before the next step begins.
    await job.updateData({ ...job.data, step: 1, s0: PAYLOAD });
    if (holds) await events.held();
    await job.updateData({ ...job.data, step: 2, s0: PAYLOAD, s1: PAYLOAD });
  } else if (holds && job.name === HELD) await events.held();
  return PAYLOAD;
}
