import { Failure, failureOf, isCancelled } from './failure'

export interface GraphQLRequest {
  query: string
  variables?: Record<string, unknown>
}

/** One request to our own origin. Throws `Failure` where nobody answers. */
async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', ...init })
  } catch (error) {
    if (isCancelled(error)) throw error
    throw new Failure('NETWORK', 'The server did not answer.')
  }
}

async function send(path: string, init: RequestInit): Promise<unknown> {
  const response = await ask(path, init)
  const body = (await response.json().catch(() => null)) as unknown
  const failure = failureOf(response, body)
  if (failure) throw failure
  return body
}

/** The `data` of a GraphQL request. Throws `Failure` where anything of it failed. */
export async function graphql<Data>(request: GraphQLRequest, signal?: AbortSignal): Promise<Data> {
  const body = await send('/graphql', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json',
      'GraphQL-Require-Preflight': '1',
    },
    body: JSON.stringify(request),
    signal: signal ?? null,
  })
  return (body as { data: Data }).data
}

export async function logIn(userName: string, password: string): Promise<void> {
  await send('/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ userName, password }),
  })
}

export async function logOut(): Promise<void> {
  await send('/session', { method: 'DELETE' })
}

/** Resolves where an export of this address would begin. Throws `Failure` where its arguments are wrong. */
export async function checkExport(address: string): Promise<void> {
  const head = await ask(address, { method: 'HEAD' })
  if (head.ok) return
  // An answer to HEAD has no body; by GET the same arguments are refused likewise, and it is told why.
  const response = await ask(address, {})
  const body = response.ok ? await response.body?.cancel() : ((await response.json().catch(() => null)) as unknown)
  throw failureOf(response, body) ?? failureOf(head, null)
}
