import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import { presetOf, presetRange, PRESETS } from '../src/time/presets'
import type { Preset } from '../src/time/presets'
import { instantOf, rfc3339, wallTime } from '../src/time/zone'

const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/London',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Pacific/Apia',
  'Africa/Casablanca',
  'America/Sao_Paulo',
]

/** Each half hour of two days around every change of the clocks from 2010 to 2027, and around some other days. */
function walls(zone: string): string[] {
  const days = ['2012-02-29', '2025-12-31']
  let at = Temporal.Instant.from('2010-01-01T00:00Z').toZonedDateTimeISO(zone)
  for (;;) {
    const next = at.getTimeZoneTransition('next')
    if (!next || next.year > 2027) break
    days.push(next.subtract({ hours: 12 }).toPlainDate().toString(), next.toPlainDate().toString())
    at = next
  }
  const halves = Array.from({ length: 48 }, (_, half) => {
    const hour = String(Math.floor(half / 2)).padStart(2, '0')
    return `T${hour}:${half % 2 ? '30' : '00'}`
  })
  return days.flatMap((day) => halves.map((half) => `${day}${half}`))
}

describe.each(ZONES)('the clock of %s', (zone) => {
  it('is read as Temporal reads it, where it is put forward or back too', () => {
    for (const wall of walls(zone)) {
      const truth = Temporal.PlainDateTime.from(wall).toZonedDateTime(zone, { disambiguation: 'compatible' })
      expect(instantOf(wall, zone), wall).toBe(truth.epochMilliseconds)
    }
  })

  it('shows what Temporal shows', () => {
    for (const wall of walls(zone)) {
      const instant = Date.parse(`${wall}:07Z`)
      const truth = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone)
      expect(wallTime(instant, zone)).toBe(truth.toPlainDateTime().toString({ smallestUnit: 'second' }))
    }
  })
})

it('takes the later of two in a gap and the earlier in a fold', () => {
  expect(rfc3339(instantOf('2025-03-09T02:30', 'America/New_York'))).toBe('2025-03-09T07:30:00Z')
  expect(rfc3339(instantOf('2025-11-02T01:30', 'America/New_York'))).toBe('2025-11-02T05:30:00Z')
})

describe('presets', () => {
  // In New York it is still the last evening of February.
  const now = Date.parse('2024-03-01T03:00:00Z')
  it.each<[Preset, string, string]>([
    ['today', '2024-02-29', '2024-03-01'],
    ['yesterday', '2024-02-28', '2024-02-29'],
    ['last7Days', '2024-02-23', '2024-03-01'],
    ['last30Days', '2024-01-31', '2024-03-01'],
    ['thisMonth', '2024-02-01', '2024-03-01'],
    ['lastMonth', '2024-01-01', '2024-02-01'],
  ])('%s is from %s to %s', (preset, from, to) => {
    const range = { from: `${from}T00:00`, to: `${to}T00:00` }
    expect(presetRange(preset, 'America/New_York', now)).toEqual(range)
    expect(presetOf(range, 'America/New_York', now)).toBe(preset)
  })

  it('cross the turn of the year', () => {
    const range = presetRange('lastMonth', 'UTC', Date.parse('2025-01-15T00:00:00Z'))
    expect(range).toEqual({ from: '2024-12-01T00:00', to: '2025-01-01T00:00' })
  })

  it('are none for other bounds', () => {
    for (const preset of Object.keys(PRESETS) as Preset[]) {
      const { from, to } = presetRange(preset, 'UTC', now)
      expect(presetOf({ from, to: to.replace('00:00', '00:01') }, 'UTC', now)).toBeNull()
    }
  })
})
