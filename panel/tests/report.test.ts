import { readFileSync } from 'node:fs'
import { buildSchema, getVariableValues, parse, print, validate } from 'graphql'
import { describe, expect, it } from 'vitest'
import { keysOf } from '../src/api/catalogue'
import type { Asked } from '../src/api/report'
import {
  callsRequest,
  keysRequest,
  pageRequest,
  rowFilter,
  timelineRequest,
  topRequest,
  viewRequest,
  viewText,
} from '../src/api/report'
import type { ViewState } from '../src/view/viewState'
import { asked, column, REPORT } from './catalogue'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))

/** Whether the schema takes a request: its text, and its variables as they travel. */
function expectTaken({ query, variables }: { query: string; variables: Record<string, unknown> }) {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const [operation] = document.definitions
  if (operation?.kind !== 'OperationDefinition') throw new Error('no operation')
  const travelled = JSON.parse(JSON.stringify(variables)) as Record<string, unknown>
  expect(getVariableValues(schema, operation.variableDefinitions ?? [], travelled).errors).toBeUndefined()
}

const VIEWS: Record<string, Partial<ViewState>> = {
  plain: {},
  'with all there is': {
    basis: 'ATTEMPT',
    parameters: { side: 'ORIGINATING', byCurrency: true },
    columns: ['rc', 'totalCustomerCharge'],
    sort: [
      { column: 'callCount', direction: 'desc' },
      { column: 'rc', direction: 'asc' },
    ],
    where: {
      rc: { contains: 'a "quoted" \\ text\n' },
      totalCustomerCharge: { gte: '0.01', lt: '12345678901234567890.5' },
      or: [{ callCount: { eq: 3 } }, { not: { customerCurrency: { isNull: true } } }],
    },
  },
  'of keys alone': { columns: ['prefix'] },
}

const measure = column('callCount')

describe.each(Object.entries(VIEWS))('a view %s', (_, view) => {
  const it_ = (name: string, request: (asked: Asked) => ReturnType<typeof viewRequest>) =>
    it(`makes a ${name} that the schema takes`, () => expectTaken(request(asked(view))))
  it_('view', (each) => viewRequest(each, 200))
  it_('page', (each) => pageRequest(each, 200, 400))
  it_('row of keys', (each) => keysRequest(each, 7))
  it_('top', (each) => topRequest(each, 10, measure))
  it_('timeline', (each) => timelineRequest(each, 'DAY', 'Asia/Kolkata', measure))
  it_('list of calls', (each) => callsRequest(each, { rc: { eq: '' } }, ['dt', 'callid'], 100, 'cursor'))

  it('is copied as a query that can be pasted', () => {
    const text = viewText(asked(view), 200)
    expect(validate(schema, parse(text))).toEqual([])
    expect(print(parse(text))).not.toContain('$')
  })
})

it('fetches no column that is not shown, but the currency of money that is', () => {
  const { query } = viewRequest(asked({ columns: ['totalCustomerCharge'] }), 200)
  expect(query).toContain('customerCurrency')
  expect(query).not.toMatch(/\b(prefix|rc|callCount)\b/)
})

it('tells a name that the report does not have from those that it has', () => {
  const { query } = viewRequest(asked({ columns: ['rc', 'gone'], sort: [{ column: 'gone', direction: 'asc' }] }), 200)
  expect(query).not.toContain('gone')
  expect(query).not.toContain('orderBy')
})

it('counts all rows beside those that match, where there is a filter', () => {
  expect(viewRequest(asked(), 200).query).not.toContain('allRowCount')
  expect(viewRequest(asked({ where: { rc: { eq: 'A' } } }), 200).query).toContain('allRowCount: rowCount\n')
})

it('has the currency for a key only under the parameter that makes it one', () => {
  const names = (byCurrency: boolean) => keysOf(REPORT, { byCurrency }).map((each) => each.name)
  expect(names(false)).toEqual(['prefix', 'rc'])
  expect(names(true)).toEqual(['prefix', 'rc', 'customerCurrency'])
})

it('finds a row by its keys, of which some are empty or null', () => {
  const row = { prefix: '', rc: 'A', customerCurrency: null, callCount: 1 }
  expect(rowFilter(keysOf(REPORT, { byCurrency: true }), row)).toEqual({
    prefix: { eq: '' },
    rc: { eq: 'A' },
    customerCurrency: { isNull: true },
  })
})
