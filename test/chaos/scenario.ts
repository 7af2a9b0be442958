import type { Stage, StageOptions, StoreKind } from './stage.ts';

export interface Figures {
  /** Processes killed with SIGKILL. */
  kills: number;
  /** Other faults. */
  faults: number;
  /** Kills by the moment at which they came. */
  readonly points: Record<string, number>;
  /** Longest time beyond the lease until work went on, and what was allowed when that was measured. */
  recoveryMs: number;
  boundMs: number;
  /** Acknowledged writes that are gone, in scenarios where the documentation says that they may be. */
  lost: number;
}

/** A kind of fault, played on a stage of its own. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly stores: readonly StoreKind[];
  /** Part of the quick slice. */
  readonly isQuick?: boolean;
  /** What the stage needs, and how to take it down again. */
  prepare?(options: StageOptions): Promise<Preparation>;
  /** Faults under load. When it returns they are healed; the caller lets everything settle and checks it. */
  play(stage: Stage, extent: Extent): Promise<void>;
}

export interface Preparation {
  readonly options: StageOptions;
  end(): Promise<void>;
}

export interface Extent {
  /** How often to kill, in the scenarios that count kills. */
  readonly kills: number;
  readonly isQuick: boolean;
}

/** Thrown by `prepare` where this machine cannot show the fault. */
export class CannotPlayError extends Error {}
