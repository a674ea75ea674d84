import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { explain } from '../src/api/explain'
import { Failure, failureOf } from '../src/api/failure'

// What a page's own fault would be, and what no request of the panel can meet.
const GENERAL = new Set(['BAD_REQUEST', 'GRAPHQL_PARSE_FAILED', 'LOAD_REFUSED', 'PERSISTED_QUERY_NOT_FOUND', 'PREFLIGHT_REQUIRED', 'PROVIDER_UNAVAILABLE', 'STORE_FAILED', 'INTERNAL'])

const table = readFileSync('../docs/api.md', 'utf8').split('## Errors')[1] ?? ''
const codes = [...table.matchAll(/^\| (`[A-Z_`, ]+) \|/gm)].flatMap(([, names = '']) => names.match(/[A-Z_]+/g) ?? [])

describe('an error', () => {
  it('is in the documentation', () => expect(codes.length).toBeGreaterThan(15))

  it.each(codes.filter((code) => !GENERAL.has(code)))('with %s has words of its own', (code) => {
    const { title, next } = explain(new Failure(code, 'what the server says'))
    expect(title).not.toMatch(/^Something went wrong/)
    expect(next).toMatch(/\.$/)
  })

  it('tells how much is allowed, and how long to wait', () => {
    const limit = { limit: 'rangeDays', value: 9132, allowance: 3660 }
    expect(explain(new Failure('LIMIT_EXCEEDED', '', null, null, limit)).title).toContain('9,132 days, of at most 3,660')
    expect(explain(new Failure('STORE_BUSY', '', 'id', 3))).toMatchObject({ again: true, requestId: 'id' })
    expect(explain(new Failure('STORE_BUSY', '', null, 3)).next).toContain('3 seconds')
  })

  it('is taken from the answer, or from its status where a proxy answers', () => {
    const extensions = { code: 'TIMEOUT' }
    const answer = new Response(null, { status: 200, headers: { 'X-Request-Id': 'f00' } })
    expect(failureOf(answer, { errors: [{ message: 'Slow.', extensions }] })).toMatchObject({ code: 'TIMEOUT', requestId: 'f00' })
    expect(failureOf(answer, { data: {} })).toBeNull()
    expect(failureOf(new Response('', { status: 502 }), null)).toMatchObject({ code: 'HTTP_502' })
  })
})
