import { describe, expect, it } from 'vitest'
import { describe as inWords, operatorsOf, readOperand, writeOperand } from '../src/report/operators'
import { combinations, conditions, withCondition } from '../src/view/filter'
import { column } from './catalogue'

const MONEY = column('charge', { type: 'Decimal', format: 'MONEY' })
const SHARE = column('asr', { type: 'Float', format: 'PERCENT', nullable: true })
const LENGTH = column('acd', { type: 'Float', format: 'DURATION' })
const COUNT = column('calls')
const TEXT = column('rc', { type: 'String', format: 'TEXT' })
const FLAG = column('isDid', { type: 'Boolean', format: 'BOOLEAN' })

describe('an operand', () => {
  it.each([
    [MONEY, '0.10000000000000000001', '0.10000000000000000001'],
    [MONEY, ' 1,000.50 ', '1000.50'],
    [SHARE, '45.5', 0.455],
    [SHARE, '45.5 %', 0.455],
    [LENGTH, '1:30', 90],
    [LENGTH, '-0:05', -5],
    [COUNT, '50', 50],
    [TEXT, ' as it is ', ' as it is '],
    [column('at', { type: 'DateTime', format: 'MOMENT' }), '2025-11-03 14:30', '2025-11-03T09:00:00Z'],
  ])('of %o is read from %s', (of, text, value) => {
    expect(readOperand(of, 'gte', text, 'Asia/Kolkata')).toEqual(value)
  })

  it.each([
    [MONEY, '1e3'],
    [MONEY, ''],
    [MONEY, '12 EUR'],
    [SHARE, 'half'],
    [LENGTH, '1:75'],
    [COUNT, '99999999999999999999'],
  ])('of %o is not read from "%s"', (of, text) => expect(readOperand(of, 'gte', text, 'UTC')).toBeUndefined())

  it('that is chosen is true or false', () => {
    expect(readOperand(FLAG, 'eq', 'true', 'UTC')).toBe(true)
    expect(readOperand(SHARE, 'isNull', 'false', 'UTC')).toBe(false)
  })

  it('is shown as it would be typed', () => {
    expect(writeOperand(SHARE, 0.455)).toBe('45.5')
    expect(writeOperand(MONEY, '0.10')).toBe('0.10')
  })
})

it('offers whether there is a value only where there may be none', () => {
  const names = (of: typeof SHARE) => operatorsOf(of).map((each) => each.name)
  expect(names(SHARE)).toContain('isNull')
  expect(names(COUNT)).not.toContain('isNull')
  expect(names(TEXT)).toEqual(['contains', 'startsWith', 'endsWith', 'eq', 'ne'])
})

it('is told in words', () => {
  expect(inWords(COUNT, { gte: 5, lt: 1000 })).toBe('calls ≥ 5 and < 1,000')
  expect(inWords(SHARE, { isNull: true })).toBe('asr has no value')
  expect(inWords(TEXT, { eq: '' })).toBe('rc is (empty)')
})

it('changes the condition of one column and keeps all else', () => {
  const where = { rc: { eq: 'A' }, or: [{ calls: { gt: 1 } }] }
  const changed = withCondition(where, 'calls', { gt: 2 })
  expect(conditions(changed)).toEqual([
    ['rc', { eq: 'A' }],
    ['calls', { gt: 2 }],
  ])
  expect(combinations(changed)).toEqual([['or', where.or]])
  expect(withCondition(where, 'rc', null)).toEqual({ or: where.or })
})
