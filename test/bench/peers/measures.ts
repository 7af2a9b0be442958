import { measureAgents } from './measure-agents.ts';
import { measureIdle } from './measure-idle.ts';
import { measureBusLoad } from './measure-bus.ts';
import { byCpu, measureLoad, RUNS_IN_FLIGHT, type LoadFigures } from './measure-load.ts';
import { measureMemory } from './measure-memory.ts';
import type { Fsync } from './redis-usage.ts';
import {
  atLeast,
  below,
  interleaved,
  medians,
  ratioBar,
  type Bar,
  type Row,
  type Section,
} from './report.ts';
import { BATON, FLOW, JOB, PROTOTYPE, type Effort, type Specs } from './specs.ts';
import type { SystemSpec } from './system.ts';

export interface Measured {
  readonly sections: readonly Section[];
  readonly bars: readonly Bar[];
}

const MAX_IDLE_P50_MS = 3;
const BY_CPU_NOTE = '"By CPU": if the busiest process had a core for itself';
const MIN_BUS_EVENTS_PER_SECOND = 100_000;
const MAX_RUNNING_BYTES = 2_500;
const MAX_SERVER_BYTES = 400e6;
const MAX_HEARTBEAT_CORES = 0.1;

export async function measureSaturation(
  title: string,
  specs: Specs,
  fsync: Fsync,
  effort: Effort,
): Promise<Measured> {
  const load = (spec: SystemSpec, workers: number) => () =>
    measureLoad(spec, { ...effort, fsync, workers });
  const measures = new Map([...specs].map(([name, spec]) => [name, load(spec, 0)]));
  const own = specs.get(BATON);
  const separate = `${BATON}, starter and worker apart`;
  if (own !== undefined) measures.set(separate, load(own, 1));
  const figures = new Map(
    [...(await interleaved(effort.rounds, measures))].map(([name, rounds]) => [
      name,
      medians(rounds),
    ]),
  );
  const note = `${RUNS_IN_FLIGHT} in flight, payload 100 B, appendfsync ${fsync}; all but the rows "removed" keep what ended.
${BY_CPU_NOTE}`;
  const rows = saturationRows(figures, specs);
  const bars = [
    ...saturationBars(`1/s, ${fsync}`, specs, (name) => figures.get(name)?.perSecond ?? NaN),
    ...saturationBars(`1/s by CPU, ${fsync}`, specs, (name) => byCpu(figures.get(name))),
  ];
  return { sections: [{ title: `${title} (${fsync})`, note, rows }], bars };
}

function peerOf(specs: Specs): string {
  return specs.has(FLOW) ? FLOW : JOB;
}

function saturationRows(figures: ReadonlyMap<string, LoadFigures>, specs: Specs): Row[] {
  const peer = figures.get(peerOf(specs));
  const ceiling = figures.get(PROTOTYPE);
  return [...figures].map(([name, found]) => ({
    name: nameWithSlots(name, specs),
    cells: {
      '1/s': found.perSecond,
      'x BullMQ': found.perSecond / (peer?.perSecond ?? NaN),
      'x prototype': found.perSecond / (ceiling?.perSecond ?? NaN),
      '1/s by CPU': byCpu(found),
      'x BullMQ ': byCpu(found) / byCpu(peer),
      'x prototype ': byCpu(found) / byCpu(ceiling),
      'Redis CPU us': found.redisMicros,
      'Node CPU us': found.nodeMicros,
      'Redis cores': found.redisCores,
      'Node cores': found.starterCores + found.workerCores,
    },
  }));
}

function saturationBars(what: string, specs: Specs, rate: (name: string) => number): Bar[] {
  const peer = peerOf(specs);
  if (peer === JOB)
    return [ratioBar(`no-op jobs, ${what}: Baton / ${JOB}`, rate(BATON), rate(JOB), 0.5)];
  return [
    ratioBar(`three steps, ${what}: Baton / ${FLOW}`, rate(BATON), rate(FLOW), 3),
    ratioBar(`three steps, ${what}: Baton / prototype`, rate(BATON), rate(PROTOTYPE), 0.5),
  ];
}

function nameWithSlots(name: string, specs: Specs): string {
  const spec = specs.get(name);
  return spec === undefined ? name : `${name} (${spec.slots} slots)`;
}

export async function measureIdles(specs: Specs, fsync: Fsync, effort: Effort): Promise<Measured> {
  const measures = new Map(
    [...specs]
      .filter(([, { removesFinished }]) => !removesFinished)
      .map(([name, spec]) => [name, () => measureIdle(spec, { fsync, runs: effort.idleRuns })]),
  );
  const figures = await interleaved(effort.rounds, measures);
  const rows = [...figures].map(([name, rounds]): Row => {
    const { p50Ms, p99Ms } = medians(rounds);
    return { name, cells: { 'p50 ms': p50Ms, 'p99 ms': p99Ms } };
  });
  const own = figures.get(BATON);
  const bars =
    own === undefined
      ? []
      : [below(`idle p50, ${fsync}: Baton`, medians(own).p50Ms, MAX_IDLE_P50_MS, 'ms')];
  const title = `Three steps, idle, from the start's call to the known end (${fsync})`;
  return { sections: [{ title, rows }], bars };
}

export async function measureMemories(specs: Specs, effort: Effort): Promise<Measured> {
  const rows: Row[] = [];
  const bars: Bar[] = [];
  for (const [name, spec] of specs) {
    const { runningBytes, finishedBytes } = await measureMemory(spec, effort.memoryRuns);
    rows.push({ name, cells: { 'running B': runningBytes, 'finished B': finishedBytes } });
    if (name === BATON)
      bars.push(below('memory of a running run: Baton', runningBytes, MAX_RUNNING_BYTES, 'B'));
  }
  const title = `Redis's memory a run of three steps (difference over ${effort.memoryRuns})`;
  const note = 'running: the first step is done, the second held by a worker';
  return { sections: [{ title, note, rows }], bars };
}

export async function measureScaling(specs: Specs, effort: Effort): Promise<Measured> {
  const measures = new Map<string, () => ReturnType<typeof measureLoad>>();
  const workersOf = new Map<string, number>();
  const scaled = [...specs].filter(([name]) => [BATON, FLOW, PROTOTYPE].includes(name));
  for (const workers of [1, 2, 4])
    for (const [system, spec] of scaled) {
      const name = `${system}, ${workers} worker process(es)`;
      workersOf.set(name, workers);
      measures.set(name, () => measureLoad(spec, { ...effort, fsync: 'everysec', workers }));
    }
  const figures = await interleaved(effort.rounds, measures);
  const rows = [...figures].map(([name, rounds]): Row => {
    const found = medians(rounds);
    return {
      name,
      cells: {
        '1/s': found.perSecond,
        '1/s by CPU': byCpu(found, workersOf.get(name)),
        'Redis cores': found.redisCores,
        'starter cores': found.starterCores,
        'all workers, cores': found.workerCores,
        'Redis CPU us': found.redisMicros,
        'Node CPU us': found.nodeMicros,
      },
    };
  });
  const title = 'Three steps/s with a process that starts and 1, 2, 4 that work (everysec)';
  const note = `${RUNS_IN_FLIGHT} in flight a worker; a core near 1 limits, and so do the machine's cores where the sum reaches them.\n${BY_CPU_NOTE}`;
  return { sections: [{ title, note, rows }], bars: [] };
}

export async function measureManyAgents(effort: Effort): Promise<Measured> {
  const { agents, workflows, agentsWindowMs } = effort;
  const options = { agents, workflows, settleMs: 3_000, windowMs: agentsWindowMs };
  const { profiles, questions } = await measureAgents(options);
  const rows = profiles.map(
    ({ name, callsPerSecond, refused, cores, residentBytes, redisCores }) => ({
      name,
      cells: {
        'calls/s': callsPerSecond,
        refused,
        'server cores': cores,
        'server MB': residentBytes / 1e6,
        'Redis cores': redisCores,
      },
    }),
  );
  const [natural] = profiles;
  const bars =
    natural === undefined
      ? []
      : [
          below('server with many agents: memory', natural.residentBytes, MAX_SERVER_BYTES, 'B'),
          below('server with many agents: CPU', natural.cores, MAX_HEARTBEAT_CORES, 'cores'),
        ];
  const asked = (['health', 'start'] as const).map((name): Row => {
    const { wallMs, cpuMs } = questions[name];
    return { name: `one ${name}`, cells: { 'wall ms': wallMs, 'server CPU ms': cpuMs } };
  });
  const count = `${agents} agents and ${workflows} workflows under way, each held by an agent`;
  return {
    sections: [
      { title: `One server with ${count}`, rows },
      { title: 'Questions beside them', rows: asked },
    ],
    bars: [...bars, atLeast('agents', agents, 10_000, '')],
  };
}

export async function measureBuses(fsync: Fsync, effort: Effort): Promise<Measured> {
  const options = { fsync, events: effort.busEvents };
  const measures = new Map(
    [10, 1].map((perEntry) => [
      `${perEntry} event(s) an entry`,
      () => measureBusLoad(perEntry, options),
    ]),
  );
  const figures = [...(await interleaved(effort.rounds, measures))].map(
    ([name, rounds]) => [name, medians(rounds)] as const,
  );
  const rows = figures.map(([name, found]): Row => {
    return {
      name,
      cells: {
        'events/s': found.eventsPerSecond,
        'Node CPU us': found.cpuMicrosPerEvent,
        'Redis CPU us': found.redisMicrosPerEvent,
      },
    };
  });
  const bars = figures.map(([name, { eventsPerSecond }]) =>
    atLeast(`bus, ${name}, ${fsync}`, eventsPerSecond, MIN_BUS_EVENTS_PER_SECOND, '1/s'),
  );
  const note = 'published, read by a durable consumer and acknowledged by one process';
  return { sections: [{ title: `Events through the bus (${fsync})`, note, rows }], bars };
}
