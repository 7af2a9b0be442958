import type { FaultPlan } from './fault-plan.ts';
import { BINARIES } from './generate-workflow.ts';
import type { Random } from './random.ts';
import type { Slot } from './simulate.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Kills and revives processes, cuts them off, and moves the clock, for a while. */
export class Chaos {
  readonly lengthMs: number;
  readonly #ports: {
    readonly time: VirtualTime;
    readonly random: Random;
    readonly faults: FaultPlan;
    readonly slots: readonly Slot[];
  };

  constructor(ports: {
    readonly time: VirtualTime;
    readonly random: Random;
    readonly faults: FaultPlan;
    readonly slots: readonly Slot[];
  }) {
    this.#ports = ports;
    this.lengthMs = ports.random.int(5_000, 80_000);
  }

  async run(): Promise<void> {
    const { random, slots, time } = this.#ports;
    const acts = slots.map((slot) => this.#keepAlive(slot, random.fork()));
    for (const slot of slots) if (random.chance(0.4)) acts.push(this.#kill(slot, random.fork()));
    if (random.chance(0.4)) acts.push(this.#cutOff(random.fork()));
    if (random.chance(0.4)) acts.push(this.#moveClock(random.fork()));
    if (random.chance(0.5)) acts.push(this.#freeze(random.fork()));
    await time.sleep(this.lengthMs);
    await Promise.all(acts);
  }

  async #keepAlive(slot: Slot, random: Random): Promise<void> {
    while (await this.#pause(random, 500, 5_000)) {
      if (!slot.process.isDead) continue;
      if (!(await this.#pause(random, 0, 20_000))) return;
      slot.reboot(random.chance(0.8) ? BINARIES : random.sample(BINARIES, 0.5));
    }
  }

  async #kill(slot: Slot, random: Random): Promise<void> {
    while (await this.#pause(random, 1_000, 40_000))
      if (random.chance(0.6)) slot.process.crash();
      else await Promise.race([slot.process.stop(random.int(0, 8_000)), this.#end()]);
  }

  async #cutOff(random: Random): Promise<void> {
    const { faults, slots, time } = this.#ports;
    while (await this.#pause(random, 1_000, 40_000)) {
      const slot = slots[random.int(0, slots.length - 1)];
      const name = random.chance(0.4) ? 'all' : (slot?.process.name ?? 'all');
      faults.beginOutage(name);
      await time.sleep(random.int(500, 25_000));
      faults.endOutage(name);
    }
  }

  /** Often for longer than a lease: whoever goes on then believes that it still holds it. */
  async #freeze(random: Random): Promise<void> {
    const { faults, slots } = this.#ports;
    while (await this.#pause(random, 500, 15_000)) {
      const slot = slots[random.int(0, slots.length - 1)];
      slot?.process.freeze(random.int(1_000, 25_000), faults.healed);
    }
  }

  async #moveClock(random: Random): Promise<void> {
    while (await this.#pause(random, 1_000, 30_000))
      this.#ports.time.jump(random.pick([random.int(1, 2_000), random.int(2_000, 60_000)]));
  }

  /** False when the time for faults is over. */
  async #pause(random: Random, minMs: number, maxMs: number): Promise<boolean> {
    await this.#ports.time.sleep(random.int(minMs, maxMs));
    return this.#ports.time.elapsedMs < this.lengthMs;
  }

  async #end(): Promise<void> {
    await this.#ports.time.sleep(Math.max(0, this.lengthMs - this.#ports.time.elapsedMs));
  }
}
