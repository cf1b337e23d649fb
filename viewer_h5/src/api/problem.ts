import { words } from '@/i18n'

/** A refusal or failure, with words that may be shown. Made in one place from `application/problem+json`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    /** Extension members, such as `tries_left` or `purpose`. */
    readonly extra: Readonly<Record<string, unknown>> = {},
    /** From `Retry-After`; null where the service named no time. */
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(title)
    this.name = 'Problem'
  }

  number(member: string): number | null {
    const value = this.extra[member]
    return typeof value === 'number' ? value : null
  }
}

export function offline(): Problem {
  return new Problem(0, 'offline', words.problem.offline, words.problem.offlineDetail)
}

/** Anything thrown, as words for the screen. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, 'unexpected', words.problem.unreadable, words.problem.unreadableDetail)
}

function seconds(header: string | null): number | null {
  const value = Number(header)
  return header !== null && Number.isFinite(value) && value >= 0 ? value : null
}

/** Reads a problem document; a proxy's HTML error page or an empty body becomes plain words. */
export function problemFrom(status: number, body: string, retryAfter: string | null): Problem {
  const wait = seconds(retryAfter)
  try {
    const { code, title, detail, ...extra } = JSON.parse(body) as Record<string, unknown>
    if (typeof code === 'string' && typeof title === 'string') {
      return new Problem(status, code, title, typeof detail === 'string' ? detail : '', extra, wait)
    }
  } catch {
    // not JSON: the words below
  }
  return new Problem(status, 'unreadable', words.problem.unreadable, words.problem.unreadableDetail, {}, wait)
}
