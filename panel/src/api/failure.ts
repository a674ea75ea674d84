/** Of what more was asked for than is allowed. */
export interface Limit {
  limit: string
  value: number
  allowance: number
}

/** What the server said against a request, or that it could not be asked (`NETWORK`). */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
    readonly retryAfter: number | null = null,
    readonly limit: Limit | null = null,
  ) {
    super(message)
  }
}

export const isLoggedOut = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'UNAUTHENTICATED'

export const isCancelled = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'CancelledError')

interface ErrorBody {
  errors?: { message: string; extensions?: { code?: string } & Partial<Limit> }[]
}

/** The first error that an answer holds; null where it holds none. */
export function failureOf(response: Response, body: unknown): Failure | null {
  const error = (body as ErrorBody | null)?.errors?.[0]
  if (response.ok && !error) return null
  const retryAfter = Number(response.headers.get('Retry-After') ?? NaN)
  return new Failure(
    error?.extensions?.code ?? `HTTP_${response.status}`,
    error?.message ?? `The server answered with status ${response.status}.`,
    response.headers.get('X-Request-Id'),
    Number.isFinite(retryAfter) ? retryAfter : null,
    error?.extensions?.limit === undefined ? null : (error.extensions as Limit),
  )
}
