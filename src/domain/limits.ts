/** Steps of one run in queues or at workers at once; keeps runs fair to each other. */
export const MAX_STEPS_IN_FLIGHT = 64;

/** Events a run's history may hold. */
export const MAX_HISTORY_EVENTS = 50_000;

/**
 * Kept free of what the outside can add without end (signals, retries, pauses), so that a run which reaches the
 * limit can still finish its steps, each of which needs at most three more events (an approval: asked, answered, done).
 */
export const HISTORY_RESERVE_EVENTS = 30_002;

/** Received signals that no step has used yet. */
export const MAX_BUFFERED_SIGNALS = 1_000;

/** Serialised size of a run's input, a step's input or output, and a signal's payload. */
export const MAX_PAYLOAD_BYTES = 1_048_576;

/** Of the instructions that an agent is given. */
export const MAX_INSTRUCTIONS_CHARS = 100_000;

/** Of the question that a person is asked, and of notes and comments. */
export const MAX_QUESTION_CHARS = 4_000;
export const MAX_CHOICES = 20;
export const MAX_APPROVERS = 100;

/** Approvals that one run's agents may ask for, answered ones included. */
export const MAX_ASKED_APPROVALS = 100;

/** Times that one attempt is handed on: agents that hand a task round in circles come to an end. */
export const MAX_HANDOVERS = 20;

/** Times that one attempt is put off because its target is down; past it the attempt has failed. */
export const MAX_POSTPONEMENTS = 500;

/** Checkpoints of one run. */
export const MAX_CHECKPOINTS = 100;

/** Claims of one attempt that ended without a report: past this the step itself is the likely cause. */
export const MAX_DELIVERIES = 5;

/**
 * Serialised size of a run's state and the events since its last snapshot. Past this its steps fail as `run_too_large`
 * and signals are refused: a state that no longer fits a string could never be saved again.
 */
export const MAX_RUN_BYTES = 67_108_864;

/**
 * Work of one decision: steps that the engine runs or skips itself, and units of evaluation (about 0.1 µs each). What
 * is left goes on in a commit of its own, so that neither a call nor the process's other runs wait for it.
 */
export const MAX_STEPS_PER_DECISION = 256;
export const MAX_UNITS_PER_DECISION = 2_000_000;
