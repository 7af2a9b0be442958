import { mkdirSync } from 'node:fs';
import { CannotPlayError, type Extent, type Figures, type Scenario } from './scenario.ts';
import { Stage, type StageOptions } from './stage.ts';

export interface ScenarioResult extends Figures {
  readonly scenario: string;
  readonly store: string;
  readonly violations: readonly string[];
  readonly notes: readonly string[];
  /** Why it could not be played here. */
  readonly skipped?: string;
  readonly runs: number;
  readonly effects: number;
  readonly duplicates: number;
  readonly poisoned: number;
  readonly elapsedMs: number;
}

/** Plays it on a stage of its own and settles what is left. Never throws: what goes wrong is a violation. */
export async function playScenario(
  scenario: Scenario,
  options: StageOptions,
  extent: Extent,
  stages: Set<Stage>,
): Promise<ScenarioResult> {
  const startedAtMs = performance.now();
  mkdirSync(options.folder, { recursive: true });
  const outcome = await play(scenario, options, extent, stages);
  return {
    scenario: scenario.name,
    store: options.store,
    ...NOTHING,
    ...outcome,
    elapsedMs: Math.round(performance.now() - startedAtMs),
  };
}

const NOTHING = {
  ...{ kills: 0, faults: 0, points: {}, recoveryMs: 0, boundMs: 0, lost: 0 },
  ...{ runs: 0, effects: 0, duplicates: 0, poisoned: 0, notes: [] },
};

type Outcome = Partial<ScenarioResult> & { readonly violations: readonly string[] };

async function play(
  scenario: Scenario,
  options: StageOptions,
  extent: Extent,
  stages: Set<Stage>,
): Promise<Outcome> {
  let end: () => Promise<void> = async () => undefined;
  try {
    const prepared = await scenario.prepare?.(options);
    if (prepared) end = () => prepared.end();
    return await playOn(scenario, prepared?.options ?? options, extent, stages);
  } catch (error) {
    if (error instanceof CannotPlayError) return { violations: [], skipped: error.message };
    return { violations: [`the stage could not be set: ${describe(error)}`] };
  } finally {
    await end();
  }
}

async function playOn(
  scenario: Scenario,
  options: StageOptions,
  extent: Extent,
  stages: Set<Stage>,
): Promise<Outcome> {
  const stage = await Stage.open(options);
  stages.add(stage);
  try {
    await scenario.play(stage, extent);
    await stage.settle();
  } catch (error) {
    stage.violations.push(describe(error));
  } finally {
    await stage.close();
    stages.delete(stage);
  }
  const { last, figures, violations, notes } = stage;
  if (last !== undefined && last.poisoned > 0)
    notes.push(`${last.poisoned} attempts ended as poison: too many of their workers were killed`);
  return {
    ...figures,
    violations: [...new Set(violations)],
    notes,
    runs: last?.facts.length ?? 0,
    effects: last?.effects.length ?? 0,
    duplicates: last?.duplicates ?? 0,
    poisoned: last?.poisoned ?? 0,
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
