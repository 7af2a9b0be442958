import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { readCpuQuota, readMemoryLimits } from '../../../src/adapters/system/cgroup.ts';
import type { MachineReadings } from '../../../src/adapters/system/load-probe.ts';
import { createLoadProbe, effectiveCores } from '../../../src/adapters/system/load-probe.ts';

type Files = Record<string, string>;

function reader(files: Files): (path: string) => string | undefined {
  return (path) => files[path];
}

const GIB = 1_073_741_824;

/** A Kubernetes pod or `docker run --cpus 1.5 -m 2g` with cgroups of version 2. */
const CONTAINER_V2: Files = {
  '/proc/self/cgroup': '0::/\n',
  '/sys/fs/cgroup/cpu.max': '150000 100000\n',
  '/sys/fs/cgroup/cpu.stat':
    'usage_usec 4000000\nuser_usec 3000000\nsystem_usec 1000000\nnr_periods 10\nnr_throttled 2\nthrottled_usec 500000\n',
  '/sys/fs/cgroup/memory.max': `${2 * GIB}\n`,
  '/sys/fs/cgroup/memory.current': `${1.5 * GIB}\n`,
  '/sys/fs/cgroup/memory.stat': `anon 1\nfile 3\ninactive_anon 9\ninactive_file ${0.5 * GIB}\n`,
};

/** A systemd service whose own group is unlimited while the slice above it is not. */
const SLICE_V2: Files = {
  '/proc/self/cgroup': '0::/work.slice/baton.service\n',
  '/sys/fs/cgroup/work.slice/baton.service/cpu.max': 'max 100000\n',
  '/sys/fs/cgroup/work.slice/baton.service/cpu.stat': 'usage_usec 1\n',
  '/sys/fs/cgroup/work.slice/baton.service/memory.max': 'max\n',
  '/sys/fs/cgroup/work.slice/baton.service/memory.current': '77\n',
  '/sys/fs/cgroup/work.slice/cpu.max': '50000 100000\n',
  '/sys/fs/cgroup/work.slice/cpu.stat': 'usage_usec 900\n',
};

/** An older Docker host: the path in /proc is the host's and does not exist inside. */
const CONTAINER_V1: Files = {
  '/proc/self/cgroup':
    '11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n',
  '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n',
  '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  '/sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 5\nnr_throttled 1\nthrottled_time 3000000\n',
  '/sys/fs/cgroup/cpuacct/cpuacct.usage': '7000000\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1000\n',
  '/sys/fs/cgroup/memory/memory.usage_in_bytes': '900\n',
  '/sys/fs/cgroup/memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 400\n',
};

const UNLIMITED_V1: Files = {
  ...CONTAINER_V1,
  '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
};

describe('cgroup quotas', () => {
  test.each([
    ['a container, version 2', CONTAINER_V2, { quotaCores: 1.5, demandMicros: 4_500_000 }],
    ['the tightest ancestor, version 2', SLICE_V2, { quotaCores: 0.5, demandMicros: 900 }],
    ['a container, version 1', CONTAINER_V1, { quotaCores: 2, demandMicros: 10_000 }],
    ['no quota, version 1', UNLIMITED_V1, undefined],
    ['no cgroups at all', {}, undefined],
    [
      'unreadable numbers',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'lots of\n' },
      undefined,
    ],
    [
      'a quota without accounting',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '100000 100000' },
      { quotaCores: 1, demandMicros: undefined },
    ],
  ])('are read from %s', (_name, files, expected) => {
    expect(readCpuQuota(reader(files))).toEqual(expected);
  });

  test('of memory leave out pages that the kernel can drop', () => {
    expect(readMemoryLimits(reader(CONTAINER_V2))).toEqual([
      { limitBytes: 2 * GIB, usedBytes: GIB },
    ]);
    expect(readMemoryLimits(reader(CONTAINER_V1))).toEqual([{ limitBytes: 1000, usedBytes: 500 }]);
    expect(readMemoryLimits(reader(SLICE_V2))).toEqual([]);
  });
});

interface FakeMachine extends MachineReadings {
  atMs: number;
  files: Files;
  loop: { active: number; idle: number; utilization: number };
}

function fakeMachine(files: Files): FakeMachine {
  const machine: FakeMachine = {
    atMs: 0,
    files,
    loop: { active: 0, idle: 0, utilization: 0 },
    read: (path) => machine.files[path],
    nowMs: () => machine.atMs,
    cores: () => 4,
    loadAverage: () => 6,
    freeBytes: () => 7 * GIB,
    totalBytes: () => 10 * GIB,
    eventLoop: () => machine.loop,
  };
  return machine;
}

describe('the load probe', () => {
  test('measures the demand of the own group since the last sample under a quota', () => {
    const machine = fakeMachine(CONTAINER_V2);
    const probe = createLoadProbe(machine);
    machine.atMs = 1_000;
    machine.files = {
      ...CONTAINER_V2,
      '/sys/fs/cgroup/cpu.stat': 'usage_usec 5500000\nthrottled_usec 2000000\n',
    };
    expect(probe.sample().cpuLoadPerQuotaCore).toBeCloseTo(2);
    machine.atMs = 2_000;
    expect(probe.sample().cpuLoadPerQuotaCore).toBe(0);
  });

  test('takes the load average where there is no quota', () => {
    const probe = createLoadProbe(fakeMachine({}));
    expect(probe.sample().cpuLoadPerQuotaCore).toBe(1.5);
  });

  test('measures the event loop since the last sample', () => {
    const machine = fakeMachine({});
    machine.loop = { active: 100, idle: 900, utilization: 0.1 };
    const probe = createLoadProbe(machine);
    machine.loop = { active: 400, idle: 1_000, utilization: 0.29 };
    expect(probe.sample().eventLoopUtilisation).toBeCloseTo(0.75);
    expect(probe.sample().eventLoopUtilisation).toBe(0);
  });

  test('reports the tightest memory limit, the machine included', () => {
    const pressure = (files: Files): number =>
      createLoadProbe(fakeMachine(files)).sample().memoryPressure;
    expect(pressure({})).toBeCloseTo(0.3);
    expect(pressure(CONTAINER_V2)).toBeCloseTo(0.5);
    expect(pressure(UNLIMITED_V1)).toBeCloseTo(0.3);
  });

  test('counts a quota against the cores of the machine', () => {
    expect(effectiveCores(fakeMachine(CONTAINER_V2))).toBe(1.5);
    expect(effectiveCores(fakeMachine({}))).toBe(4);
    const generous = { ...CONTAINER_V2, '/sys/fs/cgroup/cpu.max': '800000 100000\n' };
    expect(effectiveCores(fakeMachine(generous))).toBe(4);
  });

  test('answers plausible figures on the machine it runs on', () => {
    const { eventLoopUtilisation, cpuLoadPerQuotaCore, memoryPressure } =
      createLoadProbe().sample();
    expect(eventLoopUtilisation).toBeGreaterThanOrEqual(0);
    expect(eventLoopUtilisation).toBeLessThanOrEqual(1);
    expect(cpuLoadPerQuotaCore).toBeGreaterThanOrEqual(0);
    expect(memoryPressure).toBeGreaterThan(0);
    expect(memoryPressure).toBeLessThanOrEqual(1);
    expect(effectiveCores()).toBeGreaterThan(0);
    expect(effectiveCores()).toBeLessThanOrEqual(availableParallelism());
  });
});
