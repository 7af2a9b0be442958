/** Steps in one definition. */
export const MAX_STEPS = 10_000;
/** Characters of the canonical document (UTF-16 units). */
export const MAX_DOCUMENT_LENGTH = 1024 * 1024;
/** Lists and objects inside one another, in a definition or a schema. */
export const MAX_JSON_DEPTH = 64;
/** Mistakes reported at once; the rest is counted. Bounds the search for nearest names, too. */
export const MAX_REPORTED_ERRORS = 100;
/** Characters of a step's id or a workflow's name. */
export const MAX_NAME_LENGTH = 100;
/** Longest duration a definition may state: 366 days. */
export const MAX_DURATION_MS = 366 * 24 * 60 * 60 * 1000;
/** Attempts of one step. */
export const MAX_ATTEMPTS = 1_000;
