/** Characters of one expression. */
export const MAX_EXPRESSION_LENGTH = 4_096;
/** Characters of all distinct expressions of a definition together: parsing costs about 5 µs each. */
export const MAX_EXPRESSION_TEXT = 256 * 1024;
/** `${{ … }}` occurrences in one definition. */
export const MAX_EXPRESSIONS = 20_000;
/** Nodes of one expression's syntax tree, macros expanded. */
export const MAX_EXPRESSION_NODES = 1_000;
/** Depth of one expression's syntax tree. */
export const MAX_EXPRESSION_DEPTH = 128;
/** `map`, `filter`, `exists`, … inside one another. */
export const MAX_LOOP_NESTING = 2;
/** Items that one loop may go over. */
export const MAX_LOOP_ITEMS = 10_000;
/** Work of one evaluation; a unit is a node of a loop's body, 16 characters or one item (about 0.1 µs). */
export const MAX_EVALUATION_UNITS = 2_000_000;
/** Characters of text that one function may answer, and of a result as JSON (roughly). */
export const MAX_RESULT_LENGTH = 1024 * 1024;
/** Characters of text and pattern that `matches` takes: its engine is linear, but slow. */
export const MAX_MATCHED_LENGTH = 16 * 1024;
export const MAX_PATTERN_LENGTH = 256;
