const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const clocks = new Map<string, Intl.DateTimeFormat>()

function clock(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  clocks.set(zone, made)
  return made
}

/** What a zone's clock shows at an instant: `2025-11-03T14:30:05`. */
export function wallTime(instant: number, zone: string): string {
  const parts = Object.fromEntries(clock(zone).formatToParts(instant).map((part) => [part.type, part.value]))
  const year = String(parts.year).padStart(4, '0')
  return `${year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}`
}

/** What a zone's clock shows, to the minute: the value of a field for date and time. */
export const wallMinute = (instant: number, zone: string): string => wallTime(instant, zone).slice(0, 16)

const asIfUtc = (wall: string): number => Date.parse(`${wall}Z`)

function offset(instant: number, zone: string): number {
  const seconds = Math.floor(instant / 1000) * 1000
  return asIfUtc(wallTime(seconds, zone)) - seconds
}

/**
 * The instant at which a zone's clock shows `wall` (`2025-11-03T14:30`, seconds may follow).
 * Where the clock is put forward over it, it is the later of the two that could be meant; where the clock shows it
 * twice, the earlier.
 */
export function instantOf(wall: string, zone: string): number {
  const guess = asIfUtc(wall)
  const candidates = [guess - offset(guess - DAY, zone), guess - offset(guess + DAY, zone)]
  const shown = candidates.filter((each) => asIfUtc(wallTime(each, zone)) === guess)
  return shown.length ? Math.min(...shown) : Math.max(...candidates)
}

/** An instant as the API takes it. */
export const rfc3339 = (instant: number): string => new Date(instant).toISOString().replace('.000Z', 'Z')

/** Names of all zones that this browser knows, `UTC` first. */
export const zones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((each) => each !== 'UTC')]

export const ownZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone
