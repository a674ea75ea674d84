import { count } from '../format/number'
import { Failure } from './failure'

/** What happened and what to do next, for people. */
export interface Explanation {
  title: string
  next: string
  /** Whether the same request may well succeed if it is made again. */
  again: boolean
  requestId: string | null
}

type Words = Pick<Explanation, 'title' | 'next' | 'again'>

const LATER: Words = {
  title: 'The server is busy',
  next: 'Wait a moment and try again.',
  again: true,
}

const HELP = 'Try again; if it happens once more, tell your administrator the request id.'

const LIMITS: Record<string, [string, string]> = {
  rangeDays: ['days', 'Choose a shorter range.'],
  rowsPerReport: ['call detail records', 'Choose a shorter range.'],
  bytesPerReport: ['bytes to read', 'Choose a shorter range or fewer columns.'],
  requestsPerMinute: ['requests a minute', 'Wait a minute and try again.'],
  concurrentReports: ['reports at once', 'Wait until other reports have ended, and try again.'],
}

function exceeded(failure: Failure): Words {
  const [what, next] = LIMITS[failure.limit?.limit ?? ''] ?? []
  if (!failure.limit || !what || !next) return said(failure, 'More than is allowed', 'Ask for less at once.')
  const { value, allowance } = failure.limit
  return {
    title: `More than is allowed: ${count(value)} ${what}, of at most ${count(allowance)}`,
    next,
    again: next.startsWith('Wait'),
  }
}

function said(failure: Failure, title: string, next: string): Words {
  return { title: `${title}: ${failure.message}`, next, again: false }
}

const WORDS: Record<string, (failure: Failure) => Words> = {
  NETWORK: () => ({
    title: 'The server cannot be reached',
    next: 'Look whether you are connected to the network, and try again.',
    again: true,
  }),
  UNAUTHENTICATED: () => ({ title: 'You are logged out', next: 'Log in again to go on here.', again: true }),
  BAD_USER_INPUT: (failure) =>
    said(failure, 'Something in the form or the address cannot be meant', 'Correct it and generate the report again.'),
  GRAPHQL_VALIDATION_FAILED: (failure) =>
    said(failure, 'The report has changed since this page was opened', 'Load the page again, or remove the filter.'),
  INVALID_RANGE: () => ({
    title: 'The range ends before it begins',
    next: 'Choose a “To” that is later than “From”.',
    again: false,
  }),
  NOT_FOUND: (failure) => said(failure, 'Not found', 'Choose another customer or report; your log-in may not see this one.'),
  FORBIDDEN: () => ({
    title: 'This key loads calls and sees no reports',
    next: 'Log in with the key or the name of somebody who may see reports.',
    again: false,
  }),
  LIMIT_EXCEEDED: exceeded,
  TIMEOUT: () => ({
    title: 'The report took too long',
    next: 'Choose a shorter range or fewer columns, or filter by a key; or try again.',
    again: true,
  }),
  QUERY_TOO_LARGE: () => ({
    title: 'The report is too large',
    next: 'Choose a shorter range, fewer columns, or filter by a key.',
    again: false,
  }),
  DOCUMENT_NOT_ALLOWED: () => ({
    title: 'Your log-in may run listed queries only',
    next: 'Ask your administrator to let it use this panel.',
    again: false,
  }),
  STATEMENT_REFUSED: () => ({
    title: 'This report reaches for data that it may not read',
    next: 'Tell your administrator the request id: the report has to be mended.',
    again: false,
  }),
  NOT_INSTALLED: (failure) =>
    said(failure, 'This server does not write such files', 'Choose CSV, or ask your administrator to install what is missing.'),
  CANCELLED: () => ({ title: 'The report was stopped', next: 'Generate it again if you still need it.', again: true }),
  SHUTTING_DOWN: () => ({ ...LATER, title: 'The server is restarting' }),
  STORE_BUSY: () => LATER,
  RATE_LIMITED: () => ({ ...LATER, title: 'Too many requests' }),
  STORE_UNAVAILABLE: () => ({ title: 'The store of calls cannot be reached', next: HELP, again: true }),
  DIRECTORY_UNAVAILABLE: () => ({ title: 'Customers and log-ins cannot be read now', next: HELP, again: true }),
  HTTP_429: () => ({ ...LATER, title: 'Too many requests' }),
  HTTP_503: () => LATER,
  HTTP_502: () => LATER,
  HTTP_504: () => ({ title: 'The server took too long', next: HELP, again: true }),
}

/** An error in words, with what to do next. */
export function explain(error: unknown): Explanation {
  if (!(error instanceof Failure)) {
    return { title: 'Something went wrong in this page', next: 'Load the page again.', again: false, requestId: null }
  }
  const words = WORDS[error.code]?.(error) ?? { title: `Something went wrong: ${error.message}`, next: HELP, again: true }
  const wait = error.retryAfter ? ` The server asks for ${error.retryAfter} seconds.` : ''
  return { ...words, next: words.next + wait, requestId: error.requestId }
}
