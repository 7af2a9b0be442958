/**
 * The data of each event of a text/event-stream, as it comes (https://html.spec.whatwg.org/multipage/server-sent-events.html,
 * "Interpreting an event stream"). Names and ids of events are passed over; one that the end cuts off is none.
 */
export async function* eventsIn(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    // A carriage return at the very end may be half a line end.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
      } else if (/^data(?::|$)/.test(line)) data.push(line.replace(/^data(?:: ?)?/, ''));
    }
  }
}
