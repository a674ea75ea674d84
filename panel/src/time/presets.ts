import { wallTime } from './zone'

export const PRESETS = {
  today: 'Today',
  yesterday: 'Yesterday',
  last7Days: 'Last 7 days',
  last30Days: 'Last 30 days',
  thisMonth: 'This month',
  lastMonth: 'Last month',
} as const

export type Preset = keyof typeof PRESETS

/** Bounds on a zone's clock, to the minute; the second is no part of the range. */
export interface WallRange {
  from: string
  to: string
}

const midnight = (year: number, month: number, day: number): string =>
  `${new Date(Date.UTC(year, month, day)).toISOString().slice(0, 10)}T00:00`

/** The range of a preset on the clock of `zone`. The last days are today and those before it. */
export function presetRange(preset: Preset, zone: string, now: number): WallRange {
  const [year = 0, month = 0, day = 0] = wallTime(now, zone).slice(0, 10).split('-').map(Number)
  const days = (first: number, end: number): WallRange => ({
    from: midnight(year, month - 1, day + first),
    to: midnight(year, month - 1, day + end),
  })
  const months = (first: number, end: number): WallRange => ({
    from: midnight(year, month - 1 + first, 1),
    to: midnight(year, month - 1 + end, 1),
  })
  switch (preset) {
    case 'today':
      return days(0, 1)
    case 'yesterday':
      return days(-1, 0)
    case 'last7Days':
      return days(-6, 1)
    case 'last30Days':
      return days(-29, 1)
    case 'thisMonth':
      return months(0, 1)
    case 'lastMonth':
      return months(-1, 0)
  }
}

/** The preset whose range this is now; null for any other. */
export function presetOf(range: WallRange, zone: string, now: number): Preset | null {
  const names = Object.keys(PRESETS) as Preset[]
  return (
    names.find((name) => {
      const each = presetRange(name, zone, now)
      return each.from === range.from && each.to === range.to
    }) ?? null
  )
}
