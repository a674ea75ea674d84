import { describe, expect, it } from 'vitest'
import { duration, money, shift } from '../src/format/number'
import { show } from '../src/format/value'
import { words } from '../src/format/words'
import { column } from './catalogue'

describe('money', () => {
  it.each([
    ['0', '0.00'],
    ['0.1', '0.10'],
    ['1234567.5', '1,234,567.50'],
    ['-0.0125', '-0.0125'],
    ['0.123456785', '0.12345679'],
    ['-0.000000001', '0.00'],
    ['99.999999999', '100.00'],
    ['12345678901234567890.12', '12,345,678,901,234,567,890.12'],
  ])('%s is shown as %s', (exact, shown) => expect(money(exact)).toBe(shown))
})

describe('seconds', () => {
  it.each([
    [0, '0:00'],
    ['63.25', '1:03'],
    [59.6, '1:00'],
    ['4305248', '71,754:08'],
    [-61, '-1:01'],
  ])('%s are shown as %s', (seconds, shown) => expect(duration(seconds)).toBe(shown))
})

describe('a moved point', () => {
  it.each([
    ['45.5', -2, '0.455'],
    ['0.455', 2, '45.5'],
    ['7', -2, '0.07'],
    ['-100', -2, '-1'],
    ['0', 2, '0'],
    ['0.3333333333333333', 2, '33.33333333333333'],
  ])('%s by %i is %s', (text, places, moved) => expect(shift(text, places)).toBe(moved))
})

describe('a value', () => {
  const cell = (rest: Parameters<typeof column>[1], value: unknown, currency: unknown = null) =>
    show(column('any', rest), value, currency, 'Asia/Kolkata')

  it('says how many of what', () => {
    expect(cell({ unit: 'calls' }, 85878)).toEqual({ text: '85,878', title: '85878 calls' })
    expect(cell({ kind: 'DIMENSION' }, 1404).text).toBe('1404')
  })

  it('is a percentage, a length of time, money or a moment by its format', () => {
    expect(cell({ format: 'PERCENT' }, 0.6248).text).toBe('62.48%')
    expect(cell({ format: 'DURATION', unit: 's' }, '88.4')).toEqual({ text: '1:28', title: '88.4 s' })
    expect(cell({ format: 'MONEY' }, '278.5', 'USD')).toEqual({ text: '278.50 USD', title: '278.5 USD' })
    expect(cell({ format: 'MOMENT' }, '2025-11-03T09:00:00.000Z').text).toBe('2025-11-03 14:30:00')
    expect(cell({ format: 'BOOLEAN' }, false).text).toBe('No')
  })

  it('that is empty or null is told apart from text, and why', () => {
    expect(cell({ format: 'TEXT' }, '')).toMatchObject({ text: '(empty)', absent: true })
    expect(cell({ format: 'MONEY' }, null)).toMatchObject({ text: '— several currencies', absent: true })
    expect(cell({ format: 'MONEY', kind: 'RATIO', formula: 'charge / keys' }, null).title).toBe('No value: charge / keys')
    expect(cell({ format: 'PERCENT', kind: 'RATIO' }, null)).toMatchObject({ text: '—', absent: true })
  })
})

it('makes words of names', () => {
  expect(['didsOnly', 'TERMINATING', 'BY_CURRENCY', 'branchIdx'].map(words)).toEqual([
    'Dids only',
    'Terminating',
    'By currency',
    'Branch idx',
  ])
})
