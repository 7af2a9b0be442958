export type ReasonKind =
  | 'running'
  | 'queued'
  | 'no_worker'
  | 'ready'
  | 'retrying'
  | 'target_down'
  | 'waiting_for_signal'
  | 'waiting_for_person'
  | 'waiting_until'
  | 'outcome_unknown'
  | 'paused'
  | 'cancelling'
  | 'blocked';

/** Why a step, or the run as a whole, has not ended. */
export interface Reason {
  readonly kind: ReasonKind;
  readonly step?: string;
  readonly message: string;
  /** The exact call that moves it on, where one does. */
  readonly next?: string;
}
