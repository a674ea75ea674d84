import { describe, expect, it } from 'vitest'
import { NOTHING, readView, writeView } from '../src/view/viewState'
import type { ViewState } from '../src/view/viewState'
import { RANGE } from './catalogue'

const FULL: ViewState = {
  range: RANGE,
  zone: 'Asia/Kolkata',
  basis: 'ATTEMPT',
  parameters: { side: 'ORIGINATING', byCurrency: true, seconds: 60, text: 'a&b=c' },
  columns: ['rc', 'callCount'],
  sort: [
    { column: 'callCount', direction: 'desc' },
    { column: 'rc', direction: 'asc' },
  ],
  where: { rc: { contains: '+&=% "ü"' }, or: [{ totalCustomerCharge: { gt: '0.10' } }] },
  chart: 'line',
  measure: 'callCount',
}

describe('the address of a view', () => {
  it.each([
    ['that is full', FULL],
    ['of nothing', NOTHING],
    ['with a range alone', { ...NOTHING, range: RANGE }],
  ])('holds one %s', (_, view) => {
    expect(readView(new URLSearchParams(writeView(view)))).toEqual({ view, unread: [] })
  })

  it('says nothing of what is usual', () => {
    expect(writeView(NOTHING)).toBe('')
  })

  it('takes instants with any offset', () => {
    const search = new URLSearchParams({ from: '2025-11-03T05:30:00+05:30', to: '2025-11-04T00:00:00.000Z' })
    expect(readView(search).view.range).toEqual(RANGE)
  })

  it.each([
    ['from', '2025-11-03T00:00'],
    ['from', 'yesterday'],
    ['zone', 'Mars/Olympus'],
    ['basis', 'call'],
    ['parameters', '[]'],
    ['sort', 'rc:up'],
    ['where', '{"rc":'],
    ['where', 'null'],
    ['chart', 'pie'],
  ])('names %s where it is %s', (name, text) => {
    const { view, unread } = readView(new URLSearchParams({ [name]: text }))
    expect(unread).toEqual([name])
    expect(view).toEqual(NOTHING)
  })
})
