/** Why a command is not started: a mistake in the definition or the configuration, so never retried. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}
