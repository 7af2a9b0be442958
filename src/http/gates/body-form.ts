import type { IncomingHttpHeaders } from 'node:http';
import type { UseCaseError } from '../../application/use-case.ts';

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i;
/** ASCII is UTF-8 already. */
const READ_CHARSETS = new Set(['utf-8', 'utf8', 'us-ascii']);

/**
 * Why a body that is declared so cannot be read: it is coded (RFC 9110, 8.4) or in another charset than UTF-8.
 * Taken as it stands, it would be read as something else than was sent.
 */
export function unreadableForm(headers: IncomingHttpHeaders): UseCaseError | undefined {
  const coding = headers['content-encoding'];
  if (coding !== undefined && !/^\s*(?:identity\s*)?$/i.test(coding))
    return unsupported(
      'The body is coded, and no Content-Encoding is undone here.',
      'Send it as it is, without Content-Encoding.',
    );
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !READ_CHARSETS.has(charset.toLowerCase()))
    return unsupported(
      'The body is declared in another charset than UTF-8.',
      'Send it in UTF-8, without a charset or with charset=utf-8.',
    );
  return undefined;
}

function unsupported(message: string, next: string): UseCaseError {
  return { code: 'unsupported_media_type', message, changed: 'nothing', next };
}
